package app

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// TestNamespacesLive: an exporter samples the namespaces of other processes, with a broker
// that has two capabilities. A connection there whose path dies is STALE within the same
// time as in the exporter's own namespace, and ends when the last process does. The broker
// may be restarted meanwhile.
func TestNamespacesLive(t *testing.T) {
	netlab.RequireRoot(t)

	socket, cmd, _ := spawnBroker(t, []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE})

	near, far := netlab.New(t), netlab.New(t)
	path := netlab.NewPath(t, near, far, 1)
	anchor := near.Start(t, "sleep", "600")
	t.Cleanup(anchor.Stop)

	client, _ := netlab.Connect(t, near, far, "tcp4", netip.AddrPortFrom(path.B.IPv4, 0).String())

	p := spawnIn(t, netlab.New(t), "--netns.mode=all", "--netns.broker="+socket, "--collector.connections.min-age=0s", "--collector.connections=100000", "--collector.owner=off")
	p.awaitReady(t)

	_, port, _ := strings.Cut(client.RemoteAddr().String(), ":")
	query := connectionsPath + "?include=ended&filter=dport+%3D+" + port
	shows := func(what string) func() bool {
		return func() bool { return strings.Contains(p.get(t, query), what) }
	}

	name := namespaceName(t, anchor.PID())
	await(t, "the connection", shows(fmt.Sprintf(`"network_namespace":%q`, name)))

	if body := p.get(t, query); !strings.Contains(body, `"status":"HEALTHY"`) || !strings.Contains(body, `"total":1,`) {
		t.Errorf("before the fault: %s", body)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	path.SetBoth(netlab.Conditions{Blackhole: true})

	began := time.Now()
	if _, err := client.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}

	await(t, "STALE", shows(`"status":"STALE"`))

	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("STALE after %v", took)
	}

	if body := p.get(t, query); !strings.Contains(body, `"cause":"path_dead"`) {
		t.Errorf("%s", body)
	}

	metrics := p.get(t, "/metrics")
	for _, want := range []string{
		fmt.Sprintf(`network_namespace=%q,`, name), `tcphealth_connection_status{`, `tcphealth_netns_namespaces{state="watched"} `,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics:\n%s", want, metrics)
		}
	}

	anchor.Stop()
	await(t, "the end", shows(`"end_reason":"namespace_gone"`))
}

// TestProcNamespacesLive: without any privilege or broker, an exporter judges the connections
// of other namespaces by what /proc shows: one is HEALTHY, and STALE after its path died.
func TestProcNamespacesLive(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "setpriv")

	near, far := netlab.New(t), netlab.New(t)
	path := netlab.NewPath(t, near, far, 1)
	anchor := near.Start(t, "sleep", "600")
	t.Cleanup(anchor.Stop)

	client, _ := netlab.Connect(t, near, far, "tcp4", netip.AddrPortFrom(path.B.IPv4, 0).String())

	id := strconv.Itoa(unprivilegedID)
	unprivileged := []string{"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups", "--bounding-set=-all", "--no-new-privs"}
	p := spawnBy(t, netlab.New(t), unprivileged, "--netns.mode=proc", "--netns.proc-interval=1s", "--collector.netns=1000", "--collector.connections.min-age=0s", "--collector.connections=100000")
	p.awaitReady(t)

	_, port, _ := strings.Cut(client.RemoteAddr().String(), ":")
	query := connectionsPath + "?include=ended&filter=dport+%3D+" + port
	shows := func(what string) func() bool {
		return func() bool { return strings.Contains(p.get(t, query), what) }
	}

	await(t, "the connection", shows(`"network_namespace":"proc:`))

	if body := p.get(t, query); !strings.Contains(body, `"status":"HEALTHY"`) || !strings.Contains(body, `"total":1,`) {
		t.Errorf("before the fault: %s", body)
	}

	path.SetBoth(netlab.Conditions{Blackhole: true})

	if _, err := client.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}

	await(t, "STALE", shows(`"status":"STALE"`))

	if body := p.get(t, query); !strings.Contains(body, `"cause":"path_dead"`) {
		t.Errorf("%s", body)
	}

	await(t, "the kernel's counters", func() bool {
		return strings.Contains(p.get(t, "/metrics"), fmt.Sprintf("tcphealth_netns_kernel_active_opens_total{network_namespace=%q} 1\n", procName(t, anchor.PID())))
	})

	metrics := p.get(t, "/metrics")
	if !strings.Contains(metrics, `tcphealth_netns_opens_total{result="denied"} 0`) || strings.Contains(metrics, "tcphealth_netns_broker_up") {
		t.Errorf("metrics:\n%s", metrics)
	}

	anchor.Stop()
	await(t, "the end", shows(`"end_reason":"namespace_gone"`))
}

// procName returns the name that an unprivileged exporter gives the namespace of a process.
func procName(t *testing.T, pid int) string {
	t.Helper()

	info, err := os.Stat(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		t.Fatal(err)
	}

	return fmt.Sprintf("proc:%d", info.Sys().(*syscall.Stat_t).Ino)
}

// namespaceName returns the inode number of the network namespace of a process.
func namespaceName(t *testing.T, pid int) string {
	t.Helper()

	info, err := os.Stat(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}

	return strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10)
}
