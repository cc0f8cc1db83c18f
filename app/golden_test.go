package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/internal/netlab"
)

const (
	// scenePath is the recording of a network with injected faults.
	scenePath = "testdata/scene.rec"
	sceneMax  = 300 << 10
	// sceneSamples is the minimum number of its samples.
	sceneSamples = 15
)

// machineTable matches families that depend on the machine, its clock, or the memory
// layout of the program.
var machineTable = regexp.MustCompile(
	`^(# (HELP|TYPE) )?(go_|process_|promhttp_|tcphealth_exporter_build_info|` +
		`tcphealth_(tracker_memory|web_answer)_bytes|tcphealth_sampler_((dump|tick|recheck)_duration_seconds|phase_seconds_total))`)

// reproducible removes from an exposition the lines that differ between runs.
func reproducible(body string) string {
	var b strings.Builder

	for line := range strings.Lines(body) {
		if !machineTable.MatchString(line) {
			b.WriteString(line)
		}
	}

	return b.String()
}

// TestGolden runs the program on a recording.
func TestGolden(t *testing.T) {
	if _, err := os.Stat(scenePath); *update && errors.Is(err, fs.ErrNotExist) {
		recordScene(t)
	}

	for golden, args := range map[string][]string{
		"testdata/scene.prom":      {"--collector.connections.min-age=0s"},
		"testdata/scene_full.prom": {"--collector.connections.set=full"},
	} {
		first := replay(t, args...)
		if diff := cmp.Diff(first, replay(t, args...)); diff != "" {
			t.Errorf("%s: not the same twice (-first +second):\n%s", golden, diff)
		}

		if *update {
			if err := os.WriteFile(golden, []byte(first), 0o644); err != nil {
				t.Fatal(err)
			}
		}

		if diff := cmp.Diff(readFile(t, golden), first); diff != "" {
			t.Errorf("%s (-golden +exposed):\n%s", golden, diff)
		}
	}
}

// TestSceneIsRich: the recording has all kinds of connections and faults.
func TestSceneIsRich(t *testing.T) {
	if info, err := os.Stat(scenePath); err != nil || info.Size() > sceneMax {
		t.Errorf("%v, %d bytes, expected up to %d", err, info.Size(), sceneMax)
	}

	body := readFile(t, "testdata/scene.prom")

	for _, want := range []string{
		`tcphealth_connection_flag{flag="half_open_confirmed",`,
		`tcphealth_connection_flag{flag="zero_window",`,
		`tcphealth_connection_flag{flag="recv_queue_stuck",`,
		`tcphealth_connection_flag{flag="syn_unanswered",`,
		`local_address="fd77:1::1"`,
		`local_address="fe80::[0-9a-f:]+%\d+"`,
		`\ntcphealth_connections{state="SYN_SENT"} 1\n`,
		`\ntcphealth_listener_accept_queue_connections{local_address="10.77.1.1",local_port="\d+"} 3\n`,
		`\ntcphealth_connection_ended_timestamp_seconds{`,
		`\ntcphealth_connection_status{.*} 4\n`,
		`\ntcphealth_connection_status{.*} 0\n`,
		`\ntcphealth_sampler_interval_seconds 0.25\n`,
	} {
		if !regexp.MustCompile(want).MatchString(body) {
			t.Errorf("the scene has no %s", want)
		}
	}
}

// TestSceneAddsUp: the sums over groups equal the metrics of the host.
func TestSceneAddsUp(t *testing.T) {
	series := regexp.MustCompile(`(?m)^tcphealth_(group_)?([a-z_]+)(?:{[^}]*?(?:status="([A-Z]+)")?})? (\S+)$`)
	sums, hosts := make(map[string]float64), make(map[string]float64)
	renamed := strings.NewReplacer("tracker_connections_", "connections_", "status_connections", "connections")

	for _, m := range series.FindAllStringSubmatch(readFile(t, "testdata/scene.prom"), -1) {
		value, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			t.Fatal(err)
		}

		if name := m[2] + m[3]; m[1] != "" {
			sums[name] += value
		} else {
			hosts[renamed.Replace(name)] = value
		}
	}

	compared := 0

	for name, sum := range sums {
		host, found := hosts[name]
		if found {
			compared++
		}

		if found && math.Abs(sum-host) > 1e-9*host {
			t.Errorf("%s is %v over groups and %v for the host", name, sum, host)
		}
	}

	if compared != 27 {
		t.Errorf("%d figures compared: %v and %v", compared, sums, hosts)
	}
}

// replay replays the scene and returns the metrics at its end.
func replay(t *testing.T, args ...string) (body string) {
	t.Helper()

	t.Run("replay", func(t *testing.T) {
		p := start(t, append(args, "--sampler.replay="+scenePath)...)
		p.awaitReady(t)

		body = reproducible(p.get(t, "/metrics"))
		if again := reproducible(p.get(t, "/metrics")); again != body {
			t.Errorf("two scrapes differ (-first +second):\n%s", cmp.Diff(body, again))
		}

		if status := p.status("/-/healthy"); status != 200 {
			t.Errorf("a finished replay is unhealthy: %d", status)
		}
	})

	return body
}

// recordScene records the scene with the program itself.
func recordScene(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "nft")

	near, far := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, near, far, 1)
	makeFaults := scene(t, near, far, link)
	recorder := near.Start(t, binary(t), "--sampler.record="+scenePath, "--sampler.interval=250ms",
		"--web.listen-address=127.0.0.1:0")

	await(t, "the recording", func() bool { return strings.Contains(recorder.Output(), "msg=sampling") })
	makeFaults()
	time.Sleep((sceneSamples + 2) * 250 * time.Millisecond)

	if err := syscall.Kill(recorder.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if err := errors.Join(recorder.Wait(), os.Chmod(scenePath, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// scene opens connections between two namespaces. The returned function interrupts the
// path of some of them.
func scene(t *testing.T, near, far *netlab.Namespace, link netlab.Link) (makeFaults func()) {
	t.Helper()

	far.Run(t, "nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; }")

	at := func(a netip.Addr) string { return netip.AddrPortFrom(a, 0).String() }
	connect := func(a netip.Addr) (net.Conn, net.Conn) { return netlab.Connect(t, near, far, "tcp", at(a)) }

	// Idle connections of each family, and a busy one.
	connect(link.B.IPv4)
	connect(link.B.IPv6)
	connect(link.B.LinkLocal.WithZone(link.A.LinkLocal.Zone()))

	busy, sink := connect(link.B.IPv4)
	go pump(t, busy, 20*time.Millisecond)
	go func() { _, _ = io.Copy(io.Discard, sink) }()

	// The peer does not read, so its window closes; the local side does not read either.
	stuffed, _ := connect(link.B.IPv6)
	go pump(t, stuffed, 0)

	_, talker := connect(link.B.IPv4)
	write(t, talker, 50_000)

	// Three connections wait in an accept queue.
	lazy := near.Listen(t, "tcp", at(link.A.IPv4))
	for range 3 {
		far.Dial(t, "tcp", lazy.Addr().String())
	}

	// A dual-stack server with a client over IPv4.
	both := near.Listen(t, "tcp", "[::]:0")
	_, port, _ := net.SplitHostPort(both.Addr().String())
	far.Dial(t, "tcp", net.JoinHostPort(link.A.IPv4.String(), port))

	doomed, _ := connect(link.B.IPv4)
	closing, closed := connect(link.B.IPv4)
	welcome := far.Listen(t, "tcp", at(link.B.IPv4))

	go func() { // close what the peer has closed
		for c, err := welcome.Accept(); err == nil; c, err = welcome.Accept() {
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()

	return func() {
		_, port, _ := net.SplitHostPort(doomed.RemoteAddr().String())
		far.Run(t, "nft", fmt.Sprintf("add rule inet lab in tcp dport { %s, 81 } drop", port))
		write(t, doomed, 10_000)

		if err := errors.Join(closing.Close(), closed.Close()); err != nil {
			t.Error(err)
		}

		go near.Do(func() { // a handshake without an answer
			if c, err := net.DialTimeout("tcp", netip.AddrPortFrom(link.B.IPv4, 81).String(), patience); err == nil {
				_ = c.Close()
			}
		})

		for range 4 { // churn
			c := near.Dial(t, "tcp", welcome.Addr().String())
			time.Sleep(300 * time.Millisecond)

			_ = c.Close()
		}
	}
}

// pump writes until the connection is closed.
func pump(t *testing.T, c net.Conn, pause time.Duration) {
	for t.Context().Err() == nil {
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			return
		}

		time.Sleep(pause)
	}
}

func write(t *testing.T, c net.Conn, n int) {
	t.Helper()

	if _, err := c.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// TestGoldenPassesPromtool checks the golden files with promtool.
func TestGoldenPassesPromtool(t *testing.T) {
	for _, path := range []string{"testdata/scene.prom", "testdata/scene_full.prom"} {
		promtool(t, path, readFile(t, path))
	}
}

// TestLivePassesPromtool checks the metrics of this host with promtool.
func TestLivePassesPromtool(t *testing.T) {
	p := start(t, "--collector.connections.set=health,trend,tcp,full")
	p.awaitReady(t)
	promtool(t, "/metrics", p.get(t, "/metrics"))
}

func promtool(t *testing.T, name, body string) {
	t.Helper()
	netlab.RequireTool(t, "promtool")

	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(body)

	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics <%s: %v\n%s", name, err, out)
	}
}
