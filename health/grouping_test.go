package health

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// joined returns labels as "server,443,,": without those of the owner, if they are the last
// ones and empty.
func joined(labels []string) string { return strings.TrimSuffix(strings.Join(labels, ","), ",,,") }

// labels returns the labels of the shown groups with connections, sorted and joined.
func (s *Snapshot) labels() []string {
	var all []string

	for i := range s.Groups {
		n := 0
		for _, of := range s.Groups[i].Statuses {
			n += of
		}

		if n > 0 {
			all = append(all, joined(s.Groups[i].Labels))
		}
	}

	slices.Sort(all)

	return all
}

func requireLabels(tb testing.TB, s *Snapshot, want ...string) {
	tb.Helper()

	if got := s.labels(); !slices.Equal(got, want) {
		tb.Errorf("groups of %v:\n%q, want\n%q", s.GroupLabels, got, want)
	}
}

// mixture has two clients of one server, a server with two clients, and a pair
// of link-local addresses.
func mixture() []row {
	local := linkLocal(6, 3)
	local.Local = netip.MustParseAddrPort("[fe80::1]:50000")
	local.Remote = netip.MustParseAddrPort("[fe80::2]:22")

	rows := []row{
		between(1, "192.0.2.1:50001", "10.0.0.7:5432"),
		between(2, "192.0.2.2:50002", "10.0.0.7:5432"),
		between(3, "192.0.2.1:443", "127.0.0.1:4001"),
		between(4, "192.0.2.1:443", "8.8.8.8:4002"),
		between(5, "[2001:db8::1]:50003", "[fd00::7]:5432"),
		local,
	}
	rows[1].Attributes = []diagtest.Attribute{diagtest.Congestion("bbr")}

	return append(rows, listener(9, "0.0.0.0:443", 0, 1))
}

func TestGroupingByDefault(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 10}, InterfaceName: func(uint32) string { return "eth0" }})

	s := w.tick(mixture()...)
	requireLabels(t, s, "client,,10.0.0.7,5432", "client,,fd00::7,5432", "client,,fe80::2%eth0,22", "server,443,,")

	if want := []string{"role", "local_port", "remote_address", "remote_port", "namespace", "workload", "unit"}; !slices.Equal(s.GroupLabels, want) {
		t.Errorf("labels %v", s.GroupLabels)
	}

	// The group for the rest is there from the start.
	if want := []string{group.Other, "", "", "", "", "", ""}; !slices.Equal(s.Groups[0].Labels, want) {
		t.Errorf("the first group is %q", s.Groups[0].Labels)
	}
}

func TestGroupingBy(t *testing.T) {
	networks := group.NewNetworks(map[netip.Prefix]string{
		netip.MustParsePrefix("10.0.0.0/24"): "databases",
		netip.MustParsePrefix("fd00::/64"):   "databases",
	})

	for _, tc := range []struct {
		by     []group.Dimension
		labels string
		want   []string
	}{
		{[]group.Dimension{group.ByRole}, "role", []string{"client", "server"}},
		{
			[]group.Dimension{group.ByNetwork, group.ByRole, group.ByNetwork},
			"role,network",
			[]string{"client,databases", "client,link-local", "server,global", "server,loopback"},
		},
		{[]group.Dimension{group.ByNetwork}, "network", []string{"databases", "global", "link-local", "loopback"}},
		{[]group.Dimension{group.ByLocalPort}, "local_port", []string{"", "443"}},
		{[]group.Dimension{group.ByRemotePort}, "remote_port", []string{"", "22", "5432"}},
		{
			[]group.Dimension{group.ByRole, group.ByRemoteAddress},
			"role,remote_address",
			[]string{"client,10.0.0.7", "client,fd00::7", "client,fe80::2%3", "server,127.0.0.1", "server,8.8.8.8"},
		},
		{
			[]group.Dimension{group.ByLocalAddress},
			"local_address",
			[]string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "fe80::1%3"},
		},
		{[]group.Dimension{group.ByCongestion}, "congestion_algorithm", []string{"", "bbr"}},
		{[]group.Dimension{group.ByRole, group.ByCgroup}, "role,cgroup", []string{"client,", "server,"}},
	} {
		policy := DefaultPolicy()
		policy.Grouping = group.NewGrouping(tc.by, networks)
		w := newWatch(t, Config{Groups: group.Config{Max: 10}, Policy: policy})

		s := w.tick(mixture()...)
		requireLabels(t, s, tc.want...)

		if got := strings.Join(s.GroupLabels, ","); got != tc.labels {
			t.Errorf("labels %s, want %s", got, tc.labels)
		}
	}
}

func TestGroupingByCgroup(t *testing.T) {
	policy := DefaultPolicy()
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByCgroup}, nil)
	w := newWatch(t, Config{Policy: policy, Groups: group.Config{Max: 9}, CgroupName: func(id uint64) (string, bool) {
		return map[uint64]string{7: "/system.slice/nginx.service", 8: "bad \xff"}[id], true
	}})

	rows := diagtest.Decode(t, established(1), established(2), established(3), established(4))
	for i, id := range []uint64{7, 7, 8, 0} {
		rows[i].CgroupID = id
	}

	feed(w.tracker, start, rows)
	requireLabels(t, w.snapshot, "", "/system.slice/nginx.service", "8")
}

// TestGroupingByOwner: a cgroup without an owner is in a group without. A connection waits
// until all of its owner is known.
func TestGroupingByOwner(t *testing.T) {
	policy := DefaultPolicy()
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByRole, group.ByUnit, group.ByWorkload, group.ByNamespace}, nil)
	web := group.Owner{}
	w := newWatch(t, Config{
		Policy: policy, Groups: group.Config{Max: 9},
		Owner: func(cgroup uint64) (group.Owner, bool) {
			switch cgroup {
			case 7:
				return group.Owner{Unit: "nginx.service"}, true
			case 8:
				return web, web.Workload != ""
			default:
				return group.Owner{}, true
			}
		},
	})

	rows := diagtest.Decode(t, established(1), established(2), established(3), established(4))
	for i, id := range []uint64{7, 7, 8, 9} {
		rows[i].CgroupID = id
	}

	feed(w.tracker, start, rows)
	requireLabels(t, w.snapshot, "client", "client,,,nginx.service")

	web = group.Owner{Namespace: "shop", Workload: "web"}

	feed(w.tracker, start.Add(time.Second), rows)
	requireLabels(t, w.snapshot, "client", "client,,,nginx.service", "client,shop,web,")
}

// TestCgroupOfAMinisock: it is that of the socket before.
func TestCgroupOfAMinisock(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	rows := diagtest.Decode(t, established(1))
	rows[0].CgroupID = 7
	feed(w.tracker, start, rows)

	rows[0].CgroupID, rows[0].State = 0, sampler.StateFinWait2
	feed(w.tracker, start.Add(time.Second), rows)

	if c := w.snapshot.shown(1); c == nil || c.Cgroup != 7 || c.Row.State != sampler.StateFinWait2 {
		t.Errorf("%+v", c)
	}
}

// TestLateCgroup: a connection keeps the first cgroup that is known. It is not tracked while
// it is a request of a listener, which has no cgroup (SYN_RECV).
func TestLateCgroup(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})

	for second, step := range []struct {
		state        sampler.State
		cgroup, want uint64
	}{
		{sampler.StateSynRecv, 0, 0},
		{sampler.StateEstablished, 0, 0},
		{sampler.StateEstablished, 7, 7},
		{sampler.StateEstablished, 8, 7},
		{sampler.StateTimeWait, 0, 7},
	} {
		rows := diagtest.Decode(t, established(1))
		rows[0].CgroupID, rows[0].State = step.cgroup, step.state

		if step.state == sampler.StateSynRecv {
			rows[0].Attrs &^= sampler.HasInfo
		}

		feed(w.tracker, start.Add(time.Duration(second)*time.Second), rows)

		c := w.snapshot.shown(1)
		if (c != nil) != (step.state != sampler.StateSynRecv) || c != nil && c.Cgroup != step.want {
			t.Errorf("%s with the cgroup %d: %+v, want the cgroup %d", step.state, step.cgroup, c, step.want)
		}
	}
}

// TestGroupWaitsForTheCgroup: a connection joins the group of its cgroup when the name
// is known, or that of the number after a while, and loses no counter meanwhile.
func TestGroupWaitsForTheCgroup(t *testing.T) {
	policy := DefaultPolicy()
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByRole, group.ByCgroup}, nil)
	names := map[uint64]string{7: "/a"}
	w := newWatch(t, Config{Policy: policy, Groups: group.Config{Max: 9}, Export: showAll, CgroupName: func(id uint64) (string, bool) {
		name, known := names[id]

		return name, known
	}})

	r := established(2)
	r.Info.BytesSent = 500

	second := 0
	tick := func(cookies ...row) {
		rows := diagtest.Decode(t, append(cookies, listener(9, "192.0.2.1:443", 0, 1))...)
		for i := range rows {
			rows[i].CgroupID = 5 + rows[i].Cookie
		}

		feed(w.tracker, start.Add(time.Duration(second)*time.Second), rows)

		second++
	}

	tick()
	tick(r, established(3))
	requireLabels(t, w.snapshot, "server,/a")

	tick(r, established(3))
	requireLabels(t, w.snapshot, "server,/a")

	if c := w.snapshot.shown(3); c == nil || c.Group != "" {
		t.Errorf("%+v has a group before its name is known", c)
	}

	names[8] = "/b"

	tick(r, established(3))
	requireLabels(t, w.snapshot, "server,/a", "server,/b")

	late := established(4)
	late.Info.BytesSent = 700

	for range 17 {
		tick(r, established(3), late)
	}

	requireLabels(t, w.snapshot, "server,/a", "server,/b", "server,9")

	for i := range w.snapshot.Groups {
		if g := &w.snapshot.Groups[i]; g.Name == "server/9" && (g.Counters[group.SentBytes] != 700 || g.Opened != 1) {
			t.Errorf("%+v, want all that it did since its beginning", g)
		}
	}

	requireSound(t, w.tracker)
}

// TestCgroupNamesAfterReload: when a new grouping asks for cgroups, the names of old
// connections may come late as well.
func TestCgroupNamesAfterReload(t *testing.T) {
	name := ""
	w := newWatch(t, Config{Groups: group.Config{Max: 9}, CgroupName: func(uint64) (string, bool) { return name, name != "" }})
	rows := diagtest.Decode(t, established(2), listener(9, "192.0.2.1:443", 0, 1))
	rows[0].CgroupID = 7

	second := 0
	tick := func() {
		feed(w.tracker, start.Add(time.Duration(second)*time.Second), rows)

		second++
	}

	for range 20 { // longer than a new connection waits
		tick()
	}

	policy := DefaultPolicy()
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByCgroup}, nil)
	w.tracker.SetPolicy(policy)
	tick()

	name = "/a"

	tick()
	requireLabels(t, w.snapshot, "/a")
	requireSound(t, w.tracker)
}

// TestConnectionHasGroupAndNetwork, by the names of the policy in force.
func TestConnectionHasGroupAndNetwork(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, Groups: group.Config{Max: 1}})
	elsewhere := established(2)
	elsewhere.Remote = netip.MustParseAddrPort("10.0.0.77:2")
	rows := []row{established(1), elsewhere, listener(9, "0.0.0.0:443", 0, 128)}

	s := w.tick(rows...)
	if c := s.Connections[0]; c.Group != "server/443/////" || c.Network != group.NetworkPrivate {
		t.Errorf("of the group %q and the network %q", c.Group, c.Network)
	}

	policy := DefaultPolicy()
	policy.Networks = group.NewNetworks(map[netip.Prefix]string{netip.MustParsePrefix("10.0.0.0/24"): "office"})
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByRole, group.ByNetwork}, policy.Networks)
	w.tracker.SetPolicy(policy)

	s = w.tick(rows...)
	if c := s.Connections[0]; c.Group != "server/office" || c.Network != "office" {
		t.Errorf("after a reload of the group %q and the network %q", c.Group, c.Network)
	}

	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByLocalAddress, group.ByRemotePort, group.ByRole, group.ByRemoteAddress}, nil)
	w.tracker.SetPolicy(policy)

	// One of the two has its own group, the other one is with the rest.
	s = w.tick(rows...)

	other := strings.Join([]string{group.Other, "", "", ""}, "/")
	if a, b := s.Connections[0].Group, s.Connections[1].Group; (a == other) == (b == other) {
		t.Errorf("of the groups %q and %q", a, b)
	}
}
