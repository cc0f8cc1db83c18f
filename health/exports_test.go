package health

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// unhealthy returns a row with so many unanswered SYNs: 1 is SUSPECT, 3 STALE.
func unhealthy(cookie uint64, syns uint8) row { return unanswered(established(cookie), syns) }

// cookies returns the cookies of the shown connections, sorted.
func (s *Snapshot) cookies() []uint64 {
	all := make([]uint64, 0, len(s.Connections))
	for i := range s.Connections {
		all = append(all, s.Connections[i].Cookie)
	}

	slices.Sort(all)

	return all
}

func requireShown(tb testing.TB, s *Snapshot, want ...uint64) {
	tb.Helper()

	if got := s.cookies(); !slices.Equal(got, want) {
		tb.Fatalf("shown are %v, want %v", got, want)
	}
}

func TestExportBudget(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 3, Hold: time.Hour}})

	rows := []row{established(1), established(2), established(3), established(4), established(5)}
	s := w.tick(rows...)
	requireDistinct(t, s, 3)

	if len(s.Connections) != 3 || s.Unexported != 2 {
		t.Errorf("%d shown, %d not", len(s.Connections), s.Unexported)
	}

	// Sticky: the others stay out, whatever the order of the rows.
	first := s.cookies()

	for range 5 {
		slices.Reverse(rows)
		requireShown(t, w.tick(rows...), first...)
	}

	none := newWatch(t, Config{Export: export.Config{Max: 0}})
	if s := none.tick(unhealthy(1, 3), established(2)); len(s.Connections) != 0 || s.Unexported != 2 {
		t.Errorf("%d shown of a budget of none", len(s.Connections))
	}
}

func TestExportWorstFirst(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 3}})

	s := w.tick(established(1), unhealthy(2, 1), established(3), unhealthy(4, 3), unhealthy(5, 1), unhealthy(6, 3))
	requireShown(t, s, 2, 4, 6)

	// The older one of equals.
	w = newWatch(t, Config{Export: export.Config{Max: 1, MinAge: time.Second}})
	w.tick()
	w.tick(established(5))
	requireShown(t, w.tick(unhealthy(4, 1), unhealthy(5, 1)), 5)
}

func TestExportNotTheYoung(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 9, MinAge: 3 * time.Second}})
	requireShown(t, w.tick(established(1)), 1)
	requireShown(t, w.tick(established(1), established(2)), 1)
	requireShown(t, w.tick(established(1), established(2), unhealthy(3, 1)), 1, 3)
	requireShown(t, w.tick(established(1), established(2), established(3)), 1, 3)
	requireShown(t, w.tick(established(1), established(2), established(3)), 1, 2, 3)
}

func TestExportDisplacement(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 2, Hold: 3 * time.Second}})
	requireShown(t, w.tick(established(1), unhealthy(2, 1)), 1, 2)

	for range 2 { // within the hold
		requireShown(t, w.tick(established(1), unhealthy(2, 1), unhealthy(3, 3)), 1, 2)
	}

	// The mildest goes, then the next one.
	requireShown(t, w.tick(established(1), unhealthy(2, 1), unhealthy(3, 3)), 2, 3)
	requireShown(t, w.tick(established(1), unhealthy(2, 1), unhealthy(3, 3), unhealthy(4, 3)), 3, 4)

	// An equal one displaces none, and neither does a healthy one.
	for range 6 {
		requireShown(t, w.tick(established(1), unhealthy(2, 1), unhealthy(3, 3), unhealthy(4, 3), unhealthy(5, 3)), 3, 4)
	}
}

func TestExportEndedStay(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 2}, Retention: 4 * time.Second})
	w.tick(established(1), established(2))
	w.tick(established(2))

	for range 4 {
		s := w.tick(established(2), established(3))
		requireShown(t, s, 1, 2)

		if s.shown(1).Ended.IsZero() || s.Unexported != 1 {
			t.Errorf("ended %v, %d not shown", s.shown(1).Ended, s.Unexported)
		}
	}

	requireShown(t, w.tick(established(2), established(3)), 2)
	requireShown(t, w.tick(established(2), established(3)), 2, 3)

	// An unhealthy one does not wait for the retention.
	w.tick(established(3))
	requireShown(t, w.tick(established(3)), 2, 3)
	requireShown(t, w.tick(established(3), unhealthy(4, 1)), 3, 4)
	requireSound(t, w.tracker)
}

// sameAddresses returns row as another connection with the addresses of like.
func sameAddresses(r row, like uint64) row {
	r.Local, r.Remote = established(like).Local, established(like).Remote

	return r
}

func TestExportReusedAddresses(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 4, MinAge: time.Minute, Hold: time.Hour}})
	w.tick(established(1), established(2))

	// Known to have ended: replaced at once, young and healthy as it is.
	w.tick(established(2))
	w.tick(established(2))
	s := w.tick(established(2), sameAddresses(established(3), 1))
	requireShown(t, s, 2, 3)
	requireDistinct(t, s, 4)

	// Closed and opened again between two dumps: replaced in the dump that misses
	// the former one.
	s = w.tick(sameAddresses(established(4), 1), established(2))
	requireShown(t, s, 2, 4)
	requireSound(t, w.tracker)

	// In one dump both, in the next one of them.
	s = w.tick(sameAddresses(established(4), 1), sameAddresses(established(5), 1), established(2))
	requireShown(t, s, 2, 4)

	s = w.tick(sameAddresses(established(5), 1), established(2))
	requireShown(t, s, 2, 5)

	for range 4 {
		s = w.tick(sameAddresses(established(5), 1), established(2))
		requireShown(t, s, 2, 5)
		requireSound(t, w.tracker)
	}
}

func TestExportTwins(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})

	for range 5 {
		s := w.tick(established(1), sameAddresses(established(2), 1), established(3))
		requireShown(t, s, 1, 3)

		if s.Tracker.Twins != 1 || s.Unexported != 1 {
			t.Errorf("%d twins, %d not shown", s.Tracker.Twins, s.Unexported)
		}
	}

	// An unhealthy twin of an ended one takes its place.
	w.tick(established(3))
	w.tick(established(3))
	requireShown(t, w.tick(established(3), sameAddresses(unhealthy(9, 3), 1)), 3, 9)
	requireSound(t, w.tracker)
}

// TestExportWorstTwin: two connections on different devices may have the same addresses
// and ports. The one in a worse status is exported, and stays until the other one is worse.
func TestExportWorstTwin(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	requireShown(t, w.tick(established(1), sameAddresses(established(2), 1)), 1)

	sick := sameAddresses(unhealthy(2, 3), 1)
	s := w.tick(established(1), sick)
	requireShown(t, s, 2)

	if s.Tracker.Twins != 1 || s.shown(2).Status != judge.Stale {
		t.Errorf("%d twins, exported is %v", s.Tracker.Twins, s.shown(2).Status)
	}

	for range 4 {
		requireShown(t, w.tick(established(1), sick), 2)
		requireSound(t, w.tracker)
	}

	requireShown(t, w.tick(unhealthy(1, 3), sick), 2) // as bad
}

// TestExportSuccessorThatIsGone has a connection wait for the addresses of
// another one and lose its place in the table meanwhile.
func TestExportSuccessorThatIsGone(t *testing.T) {
	t.Run("turned elsewhere", func(t *testing.T) {
		w := newWatch(t, Config{Export: export.Config{Max: 4, MinAge: time.Hour}})
		w.tick(established(1))
		w.tick(established(1), sameAddresses(established(2), 1))
		w.tick(established(1), established(2))

		s := w.tick(established(2))
		if c := s.shown(2); c != nil {
			t.Errorf("shown as %+v", c.Identity)
		}

		requireSound(t, w.tracker)
	})
	t.Run("out of the table", func(t *testing.T) {
		w := newWatch(t, Config{Export: export.Config{Max: 4, MinAge: time.Hour}})
		w.tick(established(1))
		w.tick(established(1), sameAddresses(established(2), 1))
		w.tracker.remove(w.tracker.at.index[2])
		w.tick()
		w.tick()
		requireSound(t, w.tracker)

		if w.snapshot.shown(2) != nil {
			t.Error("a connection that is not followed is shown")
		}
	})
}

// linkLocal returns the row of a connection over the interface; all of them
// have the same addresses and ports.
func linkLocal(cookie uint64, ifindex uint32) row {
	r := established(cookie)
	r.Local = netip.MustParseAddrPort("[fe80::1]:22")
	r.Remote = netip.MustParseAddrPort("[fe80::2]:40000")
	r.Ifindex = ifindex

	return r
}

// TestExportZoneRenamed has an interface made again under its old name, with
// another index, while the former connection over it is still remembered.
func TestExportZoneRenamed(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, InterfaceName: func(uint32) string { return "eth0" }})

	w.tick(linkLocal(1, 3))
	w.tick()
	w.tick()

	s := w.tick(linkLocal(2, 7))
	requireShown(t, s, 2)
	requireDistinct(t, s, 4)

	s = w.tick(linkLocal(2, 7), linkLocal(3, 8)) // two living ones under one name
	requireShown(t, s, 2)
	requireSound(t, w.tracker)
}

func TestExportZoneWithoutUsableName(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, InterfaceName: func(uint32) string { return "v\xff0" }})

	if got := w.tick(linkLocal(1, 3)).shown(1).LocalAddress; got != "fe80::1%3" {
		t.Errorf("the address is %q", got)
	}
}

// TestExportGrows has a budget that no memory would hold.
func TestExportGrows(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 1 << 26, MinAge: time.Minute}})

	requireShown(t, w.tick(established(1), established(2)), 1, 2)

	if got := w.tracker.exports.Places(); got != 2 {
		t.Errorf("%d places for 2 connections", got)
	}
}

func TestExportZones(t *testing.T) {
	names := func(index uint32) string { return map[uint32]string{2: "eth0"}[index] }
	w := newWatch(t, Config{Export: showAll, InterfaceName: names})

	half := linkLocal(5, 2)
	half.Local = netip.MustParseAddrPort("[2001:db8::1]:22")
	bound := established(6)
	bound.Ifindex = 2

	s := w.tick(linkLocal(2, 2), linkLocal(3, 3), linkLocal(4, 0), half, bound)

	for cookie, want := range map[uint64]export.Identity{
		2: {LocalAddress: "fe80::1%eth0", LocalPort: "22", RemoteAddress: "fe80::2%eth0", RemotePort: "40000"},
		3: {LocalAddress: "fe80::1%3", LocalPort: "22", RemoteAddress: "fe80::2%3", RemotePort: "40000"},
		4: {LocalAddress: "fe80::1", LocalPort: "22", RemoteAddress: "fe80::2", RemotePort: "40000"},
		5: {LocalAddress: "2001:db8::1", LocalPort: "22", RemoteAddress: "fe80::2%eth0", RemotePort: "40000"},
		6: {LocalAddress: "192.0.2.1", LocalPort: "443", RemoteAddress: "10.0.0.1", RemotePort: "6"},
	} {
		if got := s.shown(cookie).Identity; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}

	w = newWatch(t, Config{Export: showAll})
	if got := w.tick(linkLocal(2, 2)).shown(2).LocalAddress; got != "fe80::1%2" {
		t.Errorf("without names: %s", got)
	}

	mapped := established(7)
	mapped.Family = sampler.FamilyIPv6
	want := export.Identity{LocalAddress: "192.0.2.1", LocalPort: "443", RemoteAddress: "10.0.0.1", RemotePort: "7"}

	if got := w.tick(mapped).shown(7).Identity; got != want {
		t.Errorf("IPv4-mapped: %+v", got)
	}
}

// TestExportUnderChurn lets connections come, go, fail, recover, vanish from
// dumps and share addresses at random, and holds each snapshot to the rules.
func TestExportUnderChurn(t *testing.T) {
	t.Parallel()

	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { churn(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func churn(t *testing.T, random *rand.Rand) {
	const budget, hold = 6, 5 * time.Second

	cfg := Config{
		MaxConnections: 25, Retention: 4 * time.Second,
		Export: export.Config{Max: budget, MinAge: 2 * time.Second, Hold: hold},
		Groups: group.Config{Max: 4, Hold: hold},
	}
	w := newWatch(t, cfg)

	var (
		world  []row
		before *Snapshot
		next   uint64
	)

	since := make(map[uint64]time.Time) // shown

	for range 400 {
		world = slices.DeleteFunc(world, func(row) bool { return random.IntN(12) == 0 })

		for len(world) < 30 && random.IntN(3) > 0 {
			next++
			world = append(world, sameAddresses(established(next), uint64(random.IntN(15))))
		}

		var rows []row

		for i := range world {
			switch random.IntN(10) {
			case 0:
				world[i] = sameAddresses(unhealthy(world[i].Cookie, uint8(random.IntN(5))), uint64(world[i].Remote.Port()))
			case 1:
				world[i] = sameAddresses(established(world[i].Cookie), uint64(world[i].Remote.Port()))
			case 2:
				continue // not in this dump
			}

			rows = append(rows, world[i])
		}

		if random.IntN(20) == 0 {
			w.abort(rows...)

			continue
		}

		s := w.tick(rows...)
		requireDistinct(t, s, budget)
		requireSound(t, w.tracker)

		if before != nil {
			requireSticky(t, w, before, since, hold)
		}

		for i := range s.Connections {
			if c := &s.Connections[i]; before == nil || before.shown(c.Cookie) == nil {
				since[c.Cookie] = s.At
			}
		}

		before = s
	}
}

// requireSticky fails if a living connection is shown no longer, unless it has
// ended or left the table, was missed while its addresses were used again, or
// was displaced after the hold by one that is worse.
func requireSticky(t *testing.T, w *watch, before *Snapshot, since map[uint64]time.Time, hold time.Duration) {
	t.Helper()

	for i := range before.Connections {
		c := &before.Connections[i]
		index, followed := w.tracker.at.index[c.Cookie]

		if w.snapshot.shown(c.Cookie) != nil || !c.Ended.IsZero() || !followed {
			continue
		}

		now := w.tracker.slab.conn(index)
		replaced := slices.ContainsFunc(w.snapshot.Connections, func(other Connection) bool {
			return other.Identity == c.Identity &&
				(now.missed > 0 || now.endedAt != 0 || other.Status > now.judged.Verdict().Status) // a worse twin
		})
		displaced := w.snapshot.At.Sub(since[c.Cookie]) >= hold &&
			slices.ContainsFunc(w.snapshot.Connections, func(other Connection) bool {
				return before.shown(other.Cookie) == nil && other.Status > now.judged.Verdict().Status
			})

		if now.endedAt == 0 && !replaced && !displaced {
			t.Fatalf("%+v was shown since %v and is no more", c.Identity, since[c.Cookie])
		}
	}
}
