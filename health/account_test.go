package health

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// truth is a socket whose counters neither wrap nor are begun again unseen.
type truth struct {
	cookie uint64
	// life counts the beginnings again of the counters that don't last; unseen reports
	// that there was no dump since the last one.
	life   int
	unseen bool
	// seen is what the last dump contained.
	seen     group.Counters
	remote   netip.AddrPort
	server   bool
	most     int            // bits of what is added at once
	counters group.Counters // times in ms
}

// row returns its row in a dump.
func (s *truth) row(size int) row {
	r := established(s.cookie)
	r.Remote, r.InfoSize = s.remote, size

	if !s.server {
		r.Local = netip.AddrPortFrom(r.Local.Addr(), uint16(10_000+s.cookie))
	}

	c, i := &s.counters, &r.Info
	i.BytesSent, i.BytesRetrans, i.BytesAcked, i.BytesReceived = c[group.SentBytes], c[group.RetransmittedBytes], c[group.AckedBytes], c[group.ReceivedBytes]
	i.DataSegsOut, i.TotalRetrans, i.Delivered = uint32(c[group.SentSegments]), uint32(c[group.RetransmittedSegments]), uint32(c[group.DeliveredSegments])
	i.DeliveredCE, i.RcvOOOPack = uint32(c[group.DeliveredCESegments]), uint32(c[group.OutOfOrderSegments])
	i.SegsOut, i.SegsIn = uint32(c[group.SegmentsOut]), uint32(c[group.SegmentsIn])
	i.BusyTime, i.RwndLimited, i.SndbufLimited = c[group.BusyTime]*1000, c[group.ReceiverLimitedTime]*1000, c[group.SndbufLimitedTime]*1000

	return r
}

// group returns the labels of its group.
func (s *truth) group() string {
	if s.server {
		return "server,443,,"
	}

	return fmt.Sprintf("client,,%s,%d", s.remote.Addr(), s.remote.Port())
}

// act has it do something in a time. What it does before anybody could see that it
// began again would hide that.
func (s *truth) act(random *rand.Rand, passed time.Duration) {
	if s.unseen {
		return
	}

	for k := range s.counters {
		switch {
		case group.Counter(k) >= group.BusyTime:
			s.counters[k] += random.Uint64N(uint64(passed.Milliseconds()) + 1)
		case random.IntN(3) > 0:
			s.counters[k] += random.Uint64N(1 << random.IntN(s.most))
		}
	}
}

// beginAgain disconnects it: what doesn't last falls below what was seen, unless
// that was zero.
func (s *truth) beginAgain(random *rand.Rand) {
	s.life++
	s.unseen = true

	for k := range group.BusyTime {
		s.counters[k] = random.Uint64N(s.seen[k]/2 + 1)
	}
}

// book is the specification of the accounts: what is known of a socket that may
// yet be counted.
type book struct {
	*truth

	life   int
	remote netip.AddrPort
	group  string
	last   group.Counters
	at     time.Time
	// opened: seen first when all others had been; pending: not in the sums yet;
	// known: the last row had counters.
	opened, pending, known bool
}

// ledger keeps the books of all sockets.
type ledger struct {
	books map[uint64]*book
	sums  map[string]*group.Counters // by group
	// complete is when the last complete dump was, zero before the first one.
	complete time.Time
}

func (l *ledger) add(name string, c group.Counters) {
	if l.sums[name] == nil {
		l.sums[name] = new(group.Counters)
	}

	l.sums[name].Add(&c)
}

// see books a row of a socket, which may lack tcp_info.
func (l *ledger) see(s *truth, bare bool, at time.Time) {
	b := l.books[s.cookie]
	if b != nil && b.remote != s.remote { // the end of one connection
		l.join(b)

		b = nil
	}

	if b == nil {
		if bare {
			delete(l.books, s.cookie)

			return
		}

		b = &book{truth: s, remote: s.remote, group: s.group(), opened: !l.complete.IsZero(), pending: true}
		l.books[s.cookie] = b
	}

	if !bare && b.known && !b.pending {
		l.add(b.group, b.added(s))
	}

	b.known = !bare
	if !bare {
		s.unseen, s.seen = false, s.counters
		b.last, b.life, b.at = s.counters, s.life, at
	}
}

// added returns what the socket did since its last row.
func (b *book) added(s *truth) (c group.Counters) {
	for k := range c {
		c[k] = s.counters[k]
		if s.life == b.life || group.Counter(k) >= group.BusyTime {
			c[k] -= b.last[k]
		}
	}

	return c
}

// join books what a new connection did before its group was known.
func (l *ledger) join(b *book) {
	if b.pending && b.opened && b.known {
		all := b.last
		// Times that are longer than it can have lived are of an earlier connection.
		all.LimitTimes(b.at.Sub(l.complete).Milliseconds() + judge.JiffyMS)
		l.add(b.group, all)
	}

	b.pending = false
}

func (l *ledger) end(at time.Time) {
	for _, b := range l.books {
		l.join(b)
	}

	l.complete = at
}

// sockets lets them live under a tracker.
type sockets struct {
	*watch
	ledger

	random *rand.Rand
	size   int // of tcp_info
	living []*truth
	cookie uint64
}

// open adds a socket. One that is found at start has a past.
func (w *sockets) open(past bool) {
	w.cookie++
	s := &truth{cookie: w.cookie, server: w.random.IntN(3) == 0, remote: w.somewhere(), most: 20}
	if w.size == sampler.MaxInfoSize { // enough to wrap
		s.most = 28
	}

	if past {
		for k := range s.counters {
			s.counters[k] = 1 + w.random.Uint64N(1<<30)
			if k >= int(group.SentSegments) && w.size == sampler.MaxInfoSize {
				s.counters[k] = math.MaxUint32 - w.random.Uint64N(1<<28) // about to wrap
			}
		}
	}

	w.living = append(w.living, s)
}

func (w *sockets) somewhere() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(w.random.IntN(6))}), uint16(80+w.random.IntN(3)))
}

// live lets some time pass: sockets are opened, closed, used.
func (w *sockets) live() {
	w.living = slices.DeleteFunc(w.living, func(*truth) bool { return w.random.IntN(15) == 0 })

	for _, s := range w.living {
		if w.random.IntN(3) > 0 {
			s.act(w.random, w.interval)
		}

		switch w.random.IntN(40) {
		case 0:
			s.beginAgain(w.random)
		case 1: // and connects elsewhere
			s.beginAgain(w.random)
			s.remote = w.somewhere()
		}
	}

	for len(w.living) < 25 && w.random.IntN(3) > 0 {
		w.open(false)
		w.living[len(w.living)-1].act(w.random, w.interval)
	}
}

// dump takes a sample in which some sockets are missing, are there twice, or
// have no tcp_info.
func (w *sockets) dump() {
	broken := w.random.IntN(12) == 0
	rows := make([]row, 0, len(w.living)+1)

	for _, s := range w.living {
		if w.random.IntN(12) == 0 {
			continue
		}

		size := w.size
		if w.random.IntN(30) == 0 {
			size = diagtest.NoInfo
		}

		rows = append(rows, s.row(size))
		w.see(s, size == diagtest.NoInfo, w.now)

		if w.random.IntN(20) == 0 {
			rows = append(rows, s.row(size))
		}
	}

	if broken {
		w.abort(rows...)

		return
	}

	at := w.now
	w.tick(append(rows, listener(1<<40, "0.0.0.0:443", 0, 1))...)
	w.end(at)
}

// recheck reads some sockets of the last sample again, after they went on.
func (w *sockets) recheck() {
	w.now = w.now.Add(-w.interval / 2)

	for _, s := range w.living {
		i, known := w.tracker.at.index[s.cookie]
		if !known || w.tracker.slab.seen[i] != w.tracker.at.generation || w.random.IntN(3) > 0 {
			continue
		}

		s.act(w.random, w.interval/2)

		if !w.tracker.slab.conn(i).is(&diagtest.Decode(w.tb, s.row(w.size))[0]) {
			continue
		}

		w.recording.Dump(w.tb, w.now, []row{s.row(w.size)}, w.tracker.Rechecked)
		w.see(s, false, w.now)
	}

	w.tracker.Settle(w.now)
	w.now = w.now.Add(w.interval / 2)
}

// TestAccountsUnderChurn holds the counters to the books under random life, on
// kernels of all ages: each group and the host have counted exactly what can be
// known, and nothing falls.
func TestAccountsUnderChurn(t *testing.T) {
	t.Parallel()

	for seed, size := range diagtest.InfoSizes() {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			w := newWorld(t, uint64(seed), size, Config{Retention: time.Hour, Groups: group.Config{Max: 100}})
			before := w.snapshot

			for range 300 {
				w.live()
				w.dump()

				if w.snapshot != nil && w.snapshot != before && w.random.IntN(2) == 0 {
					w.recheck()
				}

				requireSound(t, w.tracker)
				requireRising(t, before, w.snapshot)
				w.requireBooked()

				before = w.snapshot
			}
		})
	}
}

func newWorld(t *testing.T, seed uint64, size int, cfg Config) *sockets {
	t.Helper()

	w := &sockets{
		watch:  newWatch(t, cfg),
		ledger: ledger{books: make(map[uint64]*book), sums: make(map[string]*group.Counters)},
		random: rand.New(rand.NewPCG(seed, 7)),
		size:   size,
	}
	for range 10 {
		w.open(true)
	}

	return w
}

// requireBooked fails unless the tracker has counted what is in the books.
func (w *sockets) requireBooked() {
	w.tb.Helper()

	if len(w.tracker.arrivals) > 0 {
		return // a dump broke off
	}

	var host group.Counters

	got := make(map[string]*group.Counters)

	groups := w.tracker.groups.Snapshot(0, 0, false)
	for i := range groups {
		p := &groups[i]
		got[joined(p.Labels)] = &p.Counters
	}

	for name, want := range w.sums {
		known := group.Counters{}

		for k := range want {
			if w.tracker.kernel.Has(group.Counter(k).Field()) {
				known[k] = want[k]
			}
		}

		host.Add(&known)

		if known != (group.Counters{}) && (got[name] == nil || *got[name] != known) {
			w.tb.Fatalf("%s has counted\n%v, want\n%v", name, got[name], known)
		}
	}

	if sum := w.tracker.groups.Totals().Counters; sum != host {
		w.tb.Fatalf("in all\n%v, want\n%v", sum, host)
	}
}

// requireRising fails if a counter fell while its series was there.
func requireRising(tb testing.TB, before, now *Snapshot) {
	tb.Helper()

	if before == nil || now == nil {
		return
	}

	requireNoFall(tb, "the host", &before.Totals, &now.Totals)

	series := make(map[string]*group.Group)
	for i := range before.Groups {
		series[joined(before.Groups[i].Labels)] = &before.Groups[i]
	}

	for i := range now.Groups {
		name := joined(now.Groups[i].Labels)
		if old := series[name]; old != nil {
			requireNoFall(tb, name, &old.Totals, &now.Groups[i].Totals)
		}
	}
}

func requireNoFall(tb testing.TB, name string, before, now *group.Totals) {
	tb.Helper()

	fell := before.Opened > now.Opened || before.Closed > now.Closed

	for k := range before.Counters {
		fell = fell || before.Counters[k] > now.Counters[k]
	}

	for s := range before.StatusEntries {
		fell = fell || before.StatusEntries[s] > now.StatusEntries[s]
	}

	if fell {
		tb.Fatalf("%s fell from\n%+v to\n%+v", name, before, now)
	}
}

// TestAccountsOfFewGroups has more groups than places, and places change hands:
// the host keeps all, and no series falls while it is there.
func TestAccountsOfFewGroups(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t, seed, sampler.MaxInfoSize, Config{
			Retention: 2 * time.Second, Groups: group.Config{Max: 3, Hold: 2 * time.Second},
		})
		before := w.snapshot
		shown := make(map[string]bool)

		for range 300 {
			w.live()
			w.dump()
			requireSound(t, w.tracker)
			requireRising(t, before, w.snapshot)

			if before = w.snapshot; before == nil {
				continue // the first dump broke off
			}

			for i := range before.Groups {
				shown[joined(before.Groups[i].Labels)] = true
			}
		}

		if len(shown) < 6 {
			t.Errorf("only %v were shown", slices.Sorted(maps.Keys(shown)))
		}
	}
}

// TestAccountsOfACrowdedTable has four connections for each place: a connection that takes
// turns is counted while it is followed, and never twice.
func TestAccountsOfACrowdedTable(t *testing.T) {
	const n, capacity = 40, 10

	w := newWorld(t, 1, sampler.MaxInfoSize, Config{MaxConnections: capacity, Groups: group.Config{Max: 100}})
	w.living = nil

	for range n {
		w.open(true)
	}

	var did group.Counters // by all of them while somebody watched

	for tick := range 600 {
		if tick > 0 {
			for _, s := range w.living {
				before := s.counters
				s.act(w.random, w.interval)
				added := s.counters.Since(&before)
				did.Add(&added)
			}
		}

		rows := make([]row, n)
		for i, s := range w.living {
			rows[i] = s.row(w.size)
		}

		if tick > 400 { // at last all of them fit
			rows = rows[:capacity]
		}

		before := w.snapshot
		w.tick(rows...)
		requireSound(t, w.tracker)
		requireRising(t, before, w.snapshot)
	}

	sum := w.snapshot.Totals.Counters
	for k, total := range did {
		if sum[k] > total || sum[k] < total/n {
			t.Errorf("counter %d: %d counted, %d done", k, sum[k], total)
		}
	}

	if w.snapshot.Totals.Opened != 0 {
		t.Errorf("%d opened", w.snapshot.Totals.Opened)
	}
}
