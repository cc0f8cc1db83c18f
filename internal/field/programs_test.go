package field

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"time"
)

// program is a server, its clients and what they do.
type program struct {
	name  string
	tools []string
	start func(w *world)
}

// shell is a program that is one server and one shell command.
func shell(name string, tools []string, server func(w *world), client string) *program {
	return &program{name, tools, func(w *world) {
		server(w)
		w.client(client)
	}}
}

// again repeats a command after a pause.
func again(command string) string { return "while :; do " + command + "; sleep 0.3; done" }

// typing writes a line to a command each 150 ms.
func typing(command string) string {
	return "(while :; do echo uptime; sleep 0.15; done) | " + command
}

func nginx(w *world) {
	w.large("www/large")
	w.write("www/small", "a small answer\n")
	w.write("put/here", "")
	w.write("nginx.conf", `daemon off; master_process off; pid DIR/nginx.pid; error_log DIR/error.log;
events { worker_connections 512; }
http {
  access_log off; keepalive_timeout 600; keepalive_requests 1000000; client_max_body_size 0;
  client_body_temp_path DIR/1; proxy_temp_path DIR/2; fastcgi_temp_path DIR/3; uwsgi_temp_path DIR/4; scgi_temp_path DIR/5;
  server { listen 80; root DIR/www; location /put { root DIR; dav_methods PUT; } }
}
`)
	w.serve(80, "nginx -e DIR/error.log -c DIR/nginx.conf")
}

var webTools = []string{"nginx", "curl"}

var (
	curlRequests = shell("curl, nginx: requests, 5/s", webTools, nginx,
		again(`curl -s --rate 5/s "http://HOST/small?[1-10000]" -o /dev/null`))
	curlDownload = shell("curl, nginx: download", webTools, nginx, again("curl -s http://HOST/large -o /dev/null"))
	curlSlow     = shell("curl, nginx: download, --limit-rate 200K", webTools, nginx,
		again("curl -s --limit-rate 200K http://HOST/large -o /dev/null"))
	curlUpload = &program{"curl, nginx: upload", webTools, func(w *world) {
		w.large("upload")
		nginx(w)
		w.client(again("curl -s -H Expect: -T DIR/upload http://HOST/put/here"))
	}}
	// curlLater uploads over the connection of its small requests.
	curlLater = &program{"curl, nginx: requests, then an upload", webTools, func(w *world) {
		w.large("upload")
		nginx(w)
		w.client(again(`curl -s --rate 2/s "http://HOST/small?[1-20]" -o /dev/null --next -s -H Expect: -T DIR/upload http://HOST/put/here`))
	}}
	curlNew = shell("curl, nginx: a connection for each request", webTools, nginx,
		again("curl -s --connect-timeout 30 http://HOST/small -o /dev/null"))
	balanced = &program{"haproxy before nginx: requests, 10/s", []string{"haproxy", "nginx", "curl"}, func(w *world) {
		nginx(w)
		w.write("haproxy.cfg", `defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
frontend in
  bind LOCAL:8080
  default_backend out
backend out
  http-reuse always
  server one HOST:80 check inter 2s
`)
		w.client("haproxy -db -f DIR/haproxy.cfg")
		for range 2 {
			w.client(again(`curl -s --rate 5/s "http://LOCAL:8080/small?[1-10000]" -o /dev/null`))
		}
	}}
)

func redis(w *world) {
	w.serve(6379, "redis-server --bind 0.0.0.0 --protected-mode no --port 6379 --save '' --dir DIR --daemonize no")
}

var redisTools = []string{"redis-server", "redis-benchmark"}

var (
	redisPipeline = shell("redis-benchmark: 4 clients, pipelines of 16", redisTools, redis,
		"redis-benchmark -h HOST -c 4 -P 16 -d 200 -t set,get -n 1000000 -l -q >/dev/null")
	redisPubSub = &program{"redis-cli: idle subscriber, a message each 4 s", redisTools, func(w *world) {
		redis(w)
		w.client("redis-cli -h HOST subscribe news")
		w.client("while :; do redis-cli -h HOST publish news hello; sleep 4; done")
	}}
)

// secureShell starts sshd with a key of its own.
func secureShell(w *world) {
	w.large("upload")
	w.write("empty", "")
	w.near.Run(w.t, "sh", "-c", w.fill("mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f DIR/host; ssh-keygen -q -t ed25519 -N '' -f DIR/user"))
	w.write("sshd_config", `Port 22
HostKey DIR/host
AuthorizedKeysFile DIR/user.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
`)
	w.write("ssh_config", `IdentityFile DIR/user
StrictHostKeyChecking no
UserKnownHostsFile DIR/known
ServerAliveInterval 15
User root
`)
	w.serve(22, "$(command -v sshd) -D -e -f DIR/sshd_config")
}

var sshTools = []string{"sshd", "ssh", "scp"}

var (
	sshTyping = shell("ssh: interactive, 6 characters echoed each 150 ms", sshTools, secureShell,
		again(typing("ssh -tt -F DIR/ssh_config HOST cat >/dev/null")))
	scpUpload = shell("scp: upload", sshTools, secureShell, again("scp -q -F DIR/ssh_config DIR/upload HOST:/dev/null"))
	// sshLater uploads after some lines, over the same connection.
	sshLater = shell("ssh: lines, then an upload", sshTools, secureShell,
		again("(for i in 1 2 3 4 5 6 7 8; do echo line; sleep 1; done; cat DIR/upload) | ssh -F DIR/ssh_config HOST 'cat >/dev/null'"))
)

var rsyncUpload = &program{"rsync: upload", []string{"rsync"}, func(w *world) {
	w.large("upload")
	w.write("sink/empty", "")
	w.write("rsyncd.conf", "use chroot = no\nuid = 0\n[sink]\npath = DIR/sink\nread only = no\n")
	w.serve(873, "rsync --daemon --no-detach --config DIR/rsyncd.conf")
	w.client(again("rsync --whole-file --ignore-times DIR/upload rsync://HOST/sink/"))
}}

// cached is a client of memcached with connections that are in use and one that is not.
var cached = &program{"memcached: 20 gets and sets per second", []string{"memcached"}, func(w *world) {
	w.serve(11211, "memcached -u root -l 0.0.0.0 -p 11211 -m 16 -U 0")
	for i := range 3 {
		conn := w.near.Dial(w.t, "tcp4", net.JoinHostPort(w.host, "11211"))
		if i > 0 {
			w.running.Go(func() { w.cache(conn) })
		}
		w.running.Go(func() {
			<-w.done
			_ = conn.SetDeadline(time.Now())
		})
	}
}}

// cache sets and gets a value of 500 bytes in turns.
func (w *world) cache(conn io.ReadWriter) {
	in := bufio.NewReader(conn)
	for w.sleep(50 * ms) {
		if _, err := fmt.Fprintf(conn, "set key 0 0 500\r\n%0500d\r\nget key\r\n", 1); err != nil {
			return
		}
		for range 4 {
			if _, err := in.ReadSlice('\n'); err != nil {
				return
			}
		}
	}
}

func mosquitto(w *world) {
	w.write("mosquitto.conf", "listener 1883 0.0.0.0\nallow_anonymous true\nuser root\n")
	w.serve(1883, "mosquitto -c DIR/mosquitto.conf")
	w.client("mosquitto_sub -h HOST -t '#' -k 10 -q 1")
}

var mosquittoTools = []string{"mosquitto", "mosquitto_pub", "mosquitto_sub"}

var sensors = shell("mosquitto: a reading each 0.5 s", mosquittoTools, mosquitto,
	"(while :; do echo 21.5; sleep 0.5; done) | mosquitto_pub -h HOST -t room -l -q 1 -k 10")

func nghttpd(w *world) {
	w.large("www/large")
	w.write("www/small", "a small answer\n")
	w.serve(8080, "nghttpd --no-tls -d DIR/www 8080")
}

var h2Tools = []string{"nghttpd", "h2load"}

var (
	h2Requests = shell("h2load: 2 clients, 10 requests/s", h2Tools, nghttpd, again("h2load -c 2 -m 8 --rps=10 -D 3600 http://HOST:8080/small >/dev/null"))
	h2Download = shell("h2load: 2 streams of a download", h2Tools, nghttpd, again("h2load -c 1 -m 2 -n 2 http://HOST:8080/large >/dev/null"))
)

// iperf3 is a test with options.
func iperf3(options string) *program {
	return shell("iperf3 "+options, []string{"iperf3"}, func(w *world) { w.serve(5201, "iperf3 -s") },
		again("iperf3 -t 3600 -c HOST "+options))
}
