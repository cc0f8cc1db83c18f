package app

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// TestFilterAgainstUserSpace compares the selection of the kernel with the evaluation
// of a complete dump in user space, for both address families.
func TestFilterAgainstUserSpace(t *testing.T) {
	netlab.RequireRoot(t)

	ns := netlab.New(t)
	for _, address := range []string{
		"127.0.0.1:443", "127.0.0.1:22", "127.0.0.1:8000", "127.0.0.1:8101", "[::1]:443", "[::1]:8050", "[::1]:9000",
	} {
		ns.Pair(t, "tcp", address)
	}

	ns.Run(t, "ip", "addr", "add", "10.0.0.1/8", "dev", "lo")
	ns.Pair(t, "tcp", "10.0.0.1:22")
	ns.Pair(t, "tcp", "10.0.0.1:5000")

	dual := ns.Listen(t, "tcp", "[::]:8060") // its connections over IPv4 are mapped
	ns.Dial(t, "tcp", "127.0.0.1:8060")
	ns.Dial(t, "tcp", "10.0.0.1:8060")

	defer func() { _ = dual.Close() }()

	for text, least := range map[string]int{
		`sport = 443,8000-8100 or (dst 10.0.0.0/8 and not dport = 22)`:        9,
		`src [::1] and dport != 443`:                                          4,
		`not (sport < 1024 or dport < 1024)`:                                  4,
		`dst 127.0.0.0/8 or dst ::1/128`:                                      14,
		`(src 10.0.0.1:22 or dst 10.0.0.1:22) and (sport gt 1 or dport gt 1)`: 2,
	} {
		selected, expected := selectBoth(t, ns, text)
		if !slices.Equal(selected, expected) || len(selected) < least {
			t.Errorf("%s: the kernel selects %d, user space %d, expected the same and at least %d",
				text, len(selected), len(expected), least)
		}
	}
}

// selectBoth returns the sorted cookies of the connections that the filter
// selects, in the kernel and in user space.
func selectBoth(t *testing.T, ns *netlab.Namespace, text string) (kernel, userSpace []uint64) {
	t.Helper()

	filter, err := bytecode.Parse(text, new(options).hostNames())
	if err != nil {
		t.Fatal(err)
	}

	conn, err := sampler.Dial(sampler.Config{NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = conn.Close() }()

	keep := keepBy(filter)
	userSpace = cookiesOf(t, conn, keep)

	if err := applyFilter(conn, filter, log.NewNopLogger()); err != nil {
		t.Fatal(err)
	}

	return cookiesOf(t, conn, func(*sampler.Socket) bool { return true }), userSpace
}

func cookiesOf(t *testing.T, conn *sampler.Conn, keep func(*sampler.Socket) bool) []uint64 {
	t.Helper()

	var cookies []uint64

	_, err := conn.Dump(func(_ time.Time, rows []sampler.Socket) {
		for i := range rows {
			if rows[i].State != sampler.StateListen && keep(&rows[i]) {
				cookies = append(cookies, rows[i].Cookie)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}

	slices.Sort(cookies)

	return cookies
}

// TestFilterOfProgram runs the program with a filter that is too large for the kernel
// alone, so that user space evaluates the rest.
func TestFilterOfProgram(t *testing.T) {
	netlab.RequireRoot(t)

	ns := netlab.New(t)
	chosen, _ := ns.Pair(t, "tcp", "127.0.0.1:7000")
	ns.Pair(t, "tcp", "127.0.0.1:7001")

	ports := make([]string, 0, 600)
	for port := 7000; port < 8200; port += 2 { // no two ports are adjacent
		ports = append(ports, strconv.Itoa(port))
	}

	p := spawnIn(t, ns, "--collector.connections.min-age=0s",
		"--sampler.filter=src 127.0.0.0/8 and dport = "+strings.Join(ports, ","))
	p.awaitReady(t)

	body := p.get(t, "/metrics")
	if want := `remote_port="7000"`; strings.Count(body, "tcphealth_connection_status{") != 1 || !strings.Contains(body, want) {
		t.Errorf("expected only the connection from %s:\n%s", chosen.LocalAddr(), body)
	}

	if !strings.Contains(body, "tcphealth_connections{state=\"LISTEN\"} 1\n") {
		t.Error("the filter dropped listeners")
	}
}

// TestFilterOfReplay evaluates a filter on a recording.
func TestFilterOfReplay(t *testing.T) {
	all := start(t, "--sampler.replay="+scenePath)
	all.awaitReady(t)

	some := start(t, "--sampler.replay="+scenePath, "--sampler.filter=src fd77::/16 or src fe80::/10")
	some.awaitReady(t)

	rows := func(p *instance) (v4, v6 int) {
		for line := range strings.Lines(p.get(t, "/metrics")) {
			if strings.HasPrefix(line, "tcphealth_connection_status{") {
				if strings.Contains(line, `local_address="`) && strings.Contains(line, "::") {
					v6++
				} else {
					v4++
				}
			}
		}

		return v4, v6
	}

	allV4, allV6 := rows(all)
	someV4, someV6 := rows(some)

	if allV4 == 0 || allV6 == 0 || someV4 != 0 || someV6 != allV6 {
		t.Errorf("of %d and %d connections over IPv4 and IPv6 the filter left %d and %d", allV4, allV6, someV4, someV6)
	}
}

func TestFilterErrors(t *testing.T) {
	code, _, stderr := runToEnd(t, "--sampler.filter=sport = htpp")
	want := program + `: error: filter:1:9: expected a port after "sport =", found "htpp"` + "\nsport = htpp\n        ^\n"

	if code != exitUsage || stderr != want {
		t.Errorf("code %d, stderr %q, expected %d and %q", code, stderr, exitUsage, want)
	}

	code, _, stderr = runToEnd(t, "--sampler.replay="+scenePath, "--sampler.filter=autobound")
	if code != exitUsage || !strings.Contains(errorLine(t, stderr), `only the kernel can test "autobound"`) {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

func TestFilterNames(t *testing.T) {
	if port, ok := hostinfo.ServicePort("https"); !ok || port != 443 {
		t.Errorf("https is %d, %t", port, ok)
	}

	if _, ok := hostinfo.ServicePort("no-such-service"); ok {
		t.Error("a service that there is not was found")
	}

	if index, ok := hostinfo.InterfaceIndex("lo"); !ok || index == 0 {
		t.Errorf("lo is %d, %t", index, ok)
	}

	if _, ok := hostinfo.InterfaceIndex("no-such-interface"); ok {
		t.Error("an interface that there is not was found")
	}

	id, ok := hostinfo.CgroupID(hostinfo.CgroupMount, "/")
	if _, found := hostinfo.CgroupRoot(hostinfo.CgroupMount); ok != found || ok != (id != 0) {
		t.Errorf("the root cgroup is %d, %t", id, ok)
	}

	dir := t.TempDir()
	if root, found := hostinfo.CgroupRoot(dir); root != dir || found {
		t.Errorf("a directory has the hierarchy %q, %t", root, found)
	}

	if _, ok := hostinfo.CgroupID(dir, "/"); ok {
		t.Error("a directory is a cgroup")
	}

	for _, name := range []string{"/no/such/group", "cgroup.procs", "../../etc/passwd"} {
		if _, ok := hostinfo.CgroupID(hostinfo.CgroupMount, name); ok {
			t.Errorf("%q is a cgroup", name)
		}
	}
}
