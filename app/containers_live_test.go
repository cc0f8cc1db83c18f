package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

// containerScript is the life of a container: a client exchanges data with a server.
const containerScript = `
nc -ll -p 5201 -e cat &
while sleep 0.2; do (while sleep 0.2; do echo x; done) | nc 127.0.0.1 5201 >/dev/null; done
`

// engine runs a container, and returns a process in it.
type engine struct {
	name  string
	start func(t *testing.T, rootfs string) (pid int)
	// owner is a part of its JSON, labels are those of its groups, metric is a part of the
	// labels of tcphealth_connection_owner_info.
	owner, labels, metric string
}

const (
	containerID = "89abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567"
	podUID      = "9abcdef0-1234-5678-9abc-def012345678"
)

func engines() []engine {
	return []engine{
		{"runc", startRunc, `"namespace":"shop","workload":"web","pod":"web-0","container":"nginx"`, `namespace="shop",workload="web"`, `namespace="shop",pod="web-0",`},
		{"containerd", startContainerd, `"kind":"container","workload":"boxc","container":"boxc"`, `workload="boxc"`, `container="boxc",`},
		{"nspawn", startNspawn, `"container":"box","runtime":"nspawn"`, `workload="box"`, `container="box",`},
		{"ip netns", startInNetns, `{"kind":"unit","unit":"tcphealth-test-box.service"}`, `unit="tcphealth-test-box.service"`, `unit="tcphealth-test-box.service"`},
	}
}

// TestContainers runs a container of each kind with a connection inside. An exporter outside
// reports each with its owner; after the path inside has died, as STALE; and the alerts of
// the shipped rules name the owners.
func TestContainers(t *testing.T) {
	netlab.RequireRoot(t)

	for _, tool := range []string{"busybox", "containerd", "ctr", "ip", "nft", "nsenter", "prometheus", "runc", "systemd-nspawn"} {
		netlab.RequireTool(t, tool)
	}

	links := t.TempDir()
	if err := os.Symlink("/nowhere", filepath.Join(links, "web-0_shop_nginx-"+containerID+".log")); err != nil {
		t.Fatal(err)
	}

	broker, _, _ := spawnBroker(t, nil)
	near := netlab.New(t)
	p := spawnIn(t, near, "--netns.mode=all", "--netns.broker="+broker, "--path.containerlogs="+links, "--collector.connections.min-age=0s")
	p.awaitReady(t)

	prometheus := promlab.Start(t, near, promlab.Config{
		Jobs:       []promlab.Job{{Name: "tcphealth", Target: exporterAddress, Interval: 5 * time.Second}},
		RuleFiles:  []string{absolute(t, "../deploy/prometheus/alerting_rules.yml"), absolute(t, "../deploy/prometheus/recording_rules.yml")},
		Evaluation: 5 * time.Second,
	})

	pids := make(map[string]int)

	for _, e := range engines() {
		pids[e.name] = e.start(t, rootfs(t))
		inNamespace(t, pids[e.name], "ip", "link", "set", "lo", "up")
	}

	has := func(e engine, status string) bool {
		for line := range strings.Lines(p.get(t, connectionsPath+"?filter=dport+%3D+5201")) {
			if strings.Contains(line, e.owner) && strings.Contains(line, `"status":"`+status+`"`) && strings.Contains(line, `"network_namespace":"`) {
				return true
			}
		}

		return false
	}

	for _, e := range engines() {
		await(t, "the connection of "+e.name, func() bool { return has(e, "HEALTHY") })
		inNamespace(t, pids[e.name], "nft", "add table ip lab; add chain ip lab in { type filter hook input priority 0; }; add rule ip lab in tcp dport 5201 drop")
		await(t, "the end of the path of "+e.name, func() bool { return has(e, "STALE") })
	}

	metrics := p.get(t, "/metrics")

	for _, e := range engines() {
		if !regexp.MustCompile("(?m)^tcphealth_connection_owner_info{.*" + regexp.QuoteMeta(e.metric)).MatchString(metrics) {
			t.Errorf("no %s in the metrics", e.metric)
		}
	}

	since := newTimeline(t)

	for _, e := range engines() {
		since.await("alert of "+e.name, func() bool {
			return len(prometheus.Query(`ALERTS{alertstate="firing", alertname="TCPHealthHalfOpen", `+e.labels+`}`)) > 0
		})
	}

	for _, alert := range prometheus.Alerts() {
		if alert.State == "firing" && alert.Labels["alertname"] == "TCPHealthHalfOpen" {
			t.Logf("%s: %s", alert.Annotations["summary"], alert.Annotations["description"])
		}
	}
}

// inNamespace runs a command in the network namespace of a process.
func inNamespace(t *testing.T, pid int, command ...string) {
	t.Helper()
	shell(t, "nsenter", append([]string{"-t", strconv.Itoa(pid), "-n"}, command...)...)
}

// shell runs a command and returns what it writes.
func shell(t *testing.T, name string, args ...string) string {
	t.Helper()

	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}

	return string(out)
}

// rootfs makes a root directory with a shell and its tools.
func rootfs(t *testing.T) string {
	t.Helper()

	root, err := os.MkdirTemp("", "rootfs")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(root) })

	for _, dir := range []string{"bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "var"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	writeFile(t, filepath.Join(root, "dev/null"), "") // for a shell without a device

	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}

	shell(t, "cp", busybox, root+"/bin/busybox")

	for _, tool := range []string{"cat", "nc", "sh", "sleep"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", tool)); err != nil {
			t.Fatal(err)
		}
	}

	return root
}

// startRunc starts a container in the cgroup that the kubelet would give it.
func startRunc(t *testing.T, rootfs string) (pid int) {
	t.Helper()

	bundle, state := t.TempDir(), t.TempDir()
	shell(t, "runc", "spec", "--bundle", bundle)

	path := filepath.Join(bundle, "config.json")

	var spec map[string]any
	if err := json.Unmarshal([]byte(readFile(t, path)), &spec); err != nil {
		t.Fatal(err)
	}

	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/bin/sh", "-c", containerScript}
	spec["root"] = map[string]any{"path": rootfs}
	spec["linux"].(map[string]any)["cgroupsPath"] = "/kubepods/besteffort/pod" + podUID + "/" + containerID

	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}

	writeFile(t, path, string(text))

	run := exec.Command("runc", "--root", state, "run", "--detach", "--bundle", bundle, "tcphealth-test")
	if err := run.Run(); err != nil { // its output would stay open
		t.Fatal(err)
	}

	t.Cleanup(func() {
		shell(t, "runc", "--root", state, "delete", "--force", "tcphealth-test")
		removeCgroup(t, "kubepods/besteffort/pod"+podUID)
	})

	var container struct{ Pid int }
	if err := json.Unmarshal([]byte(shell(t, "runc", "--root", state, "state", "tcphealth-test")), &container); err != nil {
		t.Fatal(err)
	}

	return container.Pid
}

// startContainerd starts a containerd, and a container of it.
func startContainerd(t *testing.T, rootfs string) (pid int) {
	t.Helper()

	dir, err := os.MkdirTemp("", "containerd") // its sockets need a short path
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })

	config, socket := filepath.Join(dir, "config.toml"), filepath.Join(dir, "socket")
	writeFile(t, config, fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n[grpc]\n  address = %q\n[ttrpc]\n  address = %q\n",
		dir+"/root", dir+"/state", socket, dir+"/ttrpc"))

	daemon := exec.Command("containerd", "--config", config)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}

	ctr := func(args ...string) string { return shell(t, "ctr", append([]string{"--address", socket}, args...)...) }

	t.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt)
		_ = daemon.Wait()
	})
	await(t, "containerd", func() bool { return exec.Command("ctr", "--address", socket, "version").Run() == nil })

	run := exec.Command("ctr", "--address", socket, "run", "--detach", "--rootfs", rootfs, "boxc", "/bin/sh", "-c", containerScript)
	if err := run.Run(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		ctr("tasks", "delete", "--force", "boxc")
		removeCgroup(t, "default/boxc")
	})

	fields := strings.Fields(ctr("tasks", "ls")) // TASK PID STATUS, then the same of each
	if len(fields) != 6 {
		t.Fatalf("tasks: %q", fields)
	}

	if pid, err = strconv.Atoi(fields[4]); err != nil {
		t.Fatal(err)
	}

	return pid
}

// startNspawn starts a container in the cgroup that systemd would give it.
func startNspawn(t *testing.T, rootfs string) (pid int) {
	t.Helper()

	return startInCgroup(t, "machine.slice/systemd-nspawn@box.service", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
		"--directory="+rootfs, "--private-network", "--as-pid2", "/bin/sh", "-c", containerScript)
}

// startInNetns starts a process in a namespace of ip-netns(8), in the cgroup of a unit.
func startInNetns(t *testing.T, rootfs string) (pid int) {
	t.Helper()

	const name = "tcphealth-test"

	shell(t, "ip", "netns", "add", name)
	t.Cleanup(func() { shell(t, "ip", "netns", "delete", name) })

	return startInCgroup(t, "tcphealth-test-box.service", "ip", "netns", "exec", name, "chroot", rootfs, "/bin/sh", "-c", containerScript)
}

// startInCgroup starts a command in a cgroup, and returns a process in another network
// namespace that it starts.
func startInCgroup(t *testing.T, cgroup string, command ...string) (pid int) {
	t.Helper()

	root, _ := hostinfo.CgroupRoot(hostinfo.CgroupMount)
	dir := filepath.Join(root, cgroup)

	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	script := `echo $$ >"$0/cgroup.procs" && exec "$@"`
	cmd := exec.Command("sh", append([]string{"-c", script, dir}, command...)...)

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		_ = cmd.Wait()
		removeCgroup(t, cgroup)
	})

	own := namespaceName(t, os.Getpid())

	await(t, "a process in another network namespace", func() bool {
		pid = 0

		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
			if filepath.Base(path) != "cgroup.procs" {
				return nil
			}

			text, _ := os.ReadFile(path)
			for field := range strings.FieldsSeq(string(text)) {
				if link, err := os.Readlink("/proc/" + field + "/ns/net"); err == nil && link != "net:["+own+"]" {
					pid, _ = strconv.Atoi(field)
				}
			}

			return nil
		})

		return pid != 0
	})

	return pid
}

// removeCgroup removes a cgroup with those below and, as far as they are empty, those above, in
// all hierarchies.
func removeCgroup(t *testing.T, cgroup string) {
	t.Helper()

	roots, err := filepath.Glob(hostinfo.CgroupMount + "/*")
	if err != nil {
		t.Fatal(err)
	}

	for _, root := range append(roots, hostinfo.CgroupMount) {
		await(t, "removal of "+cgroup, func() bool {
			var below []string

			_ = filepath.WalkDir(filepath.Join(root, cgroup), func(path string, entry os.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					below = append([]string{path}, below...)
				}

				return nil
			})

			for _, dir := range below {
				_ = os.Remove(dir)
			}

			_, err := os.Stat(filepath.Join(root, cgroup))

			return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
		})

		for dir := filepath.Dir(cgroup); dir != "."; dir = filepath.Dir(dir) {
			_ = os.Remove(filepath.Join(root, dir))
		}
	}
}
