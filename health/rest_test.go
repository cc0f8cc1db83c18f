package health

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// settle replaces what differs from itself, and the digest, whose hash is another
// one each time.
func settle(c *Connection) {
	c.Row.Digest = 0

	for _, v := range []*float64{
		&c.Trend.RTTDrift, &c.Trend.Jitter, &c.Trend.RTOInflation, &c.Trend.Loss, &c.Trend.ReceiverLimited, &c.Trend.SndbufLimited,
	} {
		if math.IsNaN(*v) {
			*v = -1
		}
	}
}

// twins are two trackers that see the same rows: one looks at each and stores all
// samples, the other one lets connections rest.
type twins struct {
	tb            testing.TB
	plain, rest   *watch
	rested, asked int
}

func newTwins(tb testing.TB, cfg Config) *twins {
	t := &twins{tb: tb, plain: newWatch(tb, cfg), rest: newWatch(tb, cfg)}
	t.plain.tracker.at.rest.off = true // no window is level
	t.rest.recording.SetSkip(func(at time.Time, cookie, digest uint64) bool {
		skipped := t.rest.tracker.Resting(at, cookie, digest)
		if skipped {
			t.rested++
		}

		return skipped
	})

	return t
}

// each does the same to both.
func (t *twins) each(do func(w *watch)) {
	do(t.plain)
	do(t.rest)
	t.requireSame()
}

// requireSame fails if anything that is published differs: the snapshot, and all that the
// API would say of each connection.
func (t *twins) requireSame() {
	t.tb.Helper()

	requireSound(t.tb, t.rest.tracker)

	if t.plain.snapshot == nil {
		return
	}

	all := cmp.Exporter(func(reflect.Type) bool { return true })

	want, got := *t.plain.snapshot, *t.rest.snapshot
	want.Tracker.Bytes, got.Tracker.Bytes = 0, 0

	for i := range want.Connections {
		settle(&want.Connections[i])
	}

	for i := range got.Connections {
		settle(&got.Connections[i])
	}

	if !reflect.DeepEqual(want, got) {
		t.tb.Fatalf("the snapshots differ (-plain +rest):\n%s", cmp.Diff(want, got, all))
	}

	// A question catches up with the window, which is to work after a long rest, too.
	if t.asked++; t.asked%9 != 0 {
		return
	}

	for cookie := range t.plain.tracker.at.index {
		q := Query{Cookie: cookie, Limit: 1, Ended: true}

		want, got := t.plain.ask(q, nil).Found, t.rest.ask(q, nil).Found
		for i := range want {
			settle(&want[i].Connection)
			settle(&got[i].Connection)
		}

		if !reflect.DeepEqual(want, got) {
			t.tb.Fatalf("of %d is reported (-plain +rest):\n%s", cookie, cmp.Diff(want, got, all))
		}
	}
}

// host is a host whose connections do this and that.
type host struct {
	random *rand.Rand
	rows   []row
	next   uint64
}

// live changes the host until the next dump.
func (h *host) live(passed time.Duration) {
	ms := uint32(passed.Milliseconds())

	for i := range h.rows {
		r := &h.rows[i]
		r.Info.LastDataSent += ms
		r.Info.LastDataRecv += ms
		r.Info.LastAckRecv += ms
		r.Expires -= min(r.Expires, ms)

		if h.random.IntN(8) == 0 {
			h.change(r)
		}
	}

	for h.random.IntN(6) == 0 {
		h.next++
		r := established(h.next)
		r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 20_000, 20_000, 20_000
		at := h.random.IntN(len(h.rows) + 1)
		h.rows = append(h.rows[:at], append([]row{r}, h.rows[at:]...)...)
	}

	for len(h.rows) > 0 && h.random.IntN(8) == 0 {
		at := h.random.IntN(len(h.rows))
		h.rows = append(h.rows[:at], h.rows[at+1:]...)
	}
}

// change is one of the things that happen to a connection.
func (h *host) change(r *row) {
	info := &r.Info

	switch h.random.IntN(10) {
	case 0: // a request and its answer
		info.BytesSent += 300
		info.BytesAcked += 300
		info.BytesReceived += 900
		info.SegsOut++
		info.SegsIn++
		info.DataSegsOut++
		info.DataSegsIn++
		info.Delivered++
		info.LastDataSent, info.LastDataRecv, info.LastAckRecv = 50, 20, 20
	case 1: // one that is lost
		info.BytesSent += 600
		info.BytesRetrans += 300
		info.TotalRetrans++
		info.DataSegsOut += 2
		info.SegsOut += 2
		info.LastDataSent = 30
	case 2:
		info.Unacked, info.LastDataSent, r.SendQueue, r.Timer, r.Expires = 1, 40, 300, sampler.TimerRetransmit, 200
	case 3:
		info.Unacked, r.SendQueue, r.Timer, r.Expires = 0, 0, sampler.TimerNone, 0
	case 4:
		r.RecvQueue = uint32(h.random.IntN(2)) * 5000
		info.BytesReceived += uint64(r.RecvQueue)
	case 5:
		r.Timer, r.Expires = sampler.TimerKeepalive, 7_200_000
	case 6:
		info.Probes = uint8(h.random.IntN(2))
	case 8: // what was sent long ago is acknowledged at last
		info.BytesAcked += 100
		info.SegsIn++
		info.LastAckRecv, info.RTT = 10, 100_000+h.random.Uint32N(900_000)
	case 7:
		info.SndCwnd = 1 + h.random.Uint32N(20)
	default:
		r.State = []sampler.State{sampler.StateEstablished, sampler.StateCloseWait}[h.random.IntN(2)]
	}
}

// TestRest compares letting connections rest with looking at each row, in random
// lives of hosts: quiet ones and busy ones, with dumps that break off, rows that come
// twice or in another order, pauses, reloads, and a table that is too small.
func TestRest(t *testing.T) {
	t.Parallel()

	rested := 0
	for seed := range uint64(60) {
		rested += liveTwice(t, seed)
	}

	if rested < 10_000 {
		t.Errorf("only %d rows were of connections at rest", rested)
	}
}

// FuzzRest is TestRest for more lives: some 2,000 windows each.
func FuzzRest(f *testing.F) {
	f.Add(uint64(1000))
	f.Add(uint64(190))  // an eviction frees a place in the middle of a datagram
	f.Add(uint64(1216)) // two gaps, one behind the other
	f.Fuzz(func(t *testing.T, seed uint64) { liveTwice(t, seed) })
}

// liveTwice lives a random life of a host before both trackers. It returns how many
// rows were of connections at rest.
func liveTwice(t *testing.T, seed uint64) int {
	random := rand.New(rand.NewPCG(seed, 7))
	cfg := Config{
		Retention:      time.Duration(1+random.IntN(20)) * time.Second,
		MaxConnections: 5 + random.IntN(60),
		Export:         export.Config{Max: random.IntN(4), MinAge: 3 * time.Second, Hold: 2 * time.Second},
		Groups:         group.Config{Max: random.IntN(4)},
	}
	both, h := newTwins(t, cfg), &host{random: random}

	for range 10 {
		h.next++
		r := established(h.next)
		r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 20_000, 20_000, 20_000
		h.rows = append(h.rows, r)
	}

	for range 150 {
		passed := time.Second

		switch random.IntN(40) {
		case 0:
			passed = 7 * time.Second
		case 1:
			passed = 1100 * time.Millisecond
		case 2:
			passed = 850 * time.Millisecond
		}

		if random.IntN(4) == 0 { // else nothing happens for a while
			h.live(passed)
		} else {
			for i := range h.rows {
				h.rows[i].Info.LastDataSent += uint32(passed.Milliseconds())
				h.rows[i].Info.LastAckRecv += uint32(passed.Milliseconds())
			}
		}

		rows := append([]row{listener(90_000, "[::]:80", 0, 128)}, h.rows...)

		switch random.IntN(25) {
		case 0:
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		case 1:
			rows = append(rows, rows[random.IntN(len(rows))])
		}

		if random.IntN(30) == 0 {
			policy := DefaultPolicy()

			switch random.IntN(3) {
			case 0:
				policy.Grouping = group.NewGrouping([]group.Dimension{group.ByRole}, nil)
			case 1: // has each connection called lossy
				limits := judge.DefaultThresholds()
				limits.Steps[judge.LossDetected] = []judge.Step{{Threshold: 0, Points: 1}}
				policy.Profiles = []judge.Profile{{Name: "auto", Thresholds: limits}}
			}

			both.each(func(w *watch) { w.tracker.SetPolicy(policy) })
		}

		breaksOff, kept := random.IntN(25) == 0, random.IntN(len(rows)+1)

		both.each(func(w *watch) {
			w.now = w.now.Add(passed)

			if breaksOff {
				w.tracker.Begin(0)
				w.recording.Dump(w.tb, w.now, rows[:kept], w.tracker.Sockets)
				w.tracker.Abort()
			} else {
				w.sample(rows...)
			}
		})
	}

	return both.rested
}

// TestRestReturns: connections between others at rest come to rest again after a change, and
// are found in the next dump.
func TestRestReturns(t *testing.T) {
	const connections = 20

	rows := make([]row, connections)
	for i := range rows {
		rows[i] = established(uint64(i + 1))
		rows[i].Info.LastDataSent, rows[i].Info.LastDataRecv, rows[i].Info.LastAckRecv = 20_000, 20_000, 20_000
	}

	both := newTwins(t, Config{})

	for tick := range 40 {
		if tick == 20 {
			for i := 0; i < connections; i += 2 {
				rows[i].Info.SndCwnd++
			}
		}

		both.rested = 0
		both.each(func(w *watch) { w.tick(rows...) })
	}

	if both.rested != connections {
		t.Errorf("%d connections are at rest, want %d", both.rested, connections)
	}
}

// TestRestEndsWithAnyChange: each figure of a row but the clocks is looked at.
func TestRestEndsWithAnyChange(t *testing.T) {
	base := established(1)
	base.Info.LastDataSent, base.Info.LastDataRecv, base.Info.LastAckRecv = 20_000, 20_000, 20_000

	resting := func(change func(r *row)) bool {
		both := newTwins(t, Config{})
		for range 20 {
			base.Info.LastDataSent += 1000
			both.each(func(w *watch) { w.tick(base) })
		}

		before := both.rested
		r := base
		change(&r)
		both.each(func(w *watch) { w.tick(r) })

		return both.rested > before
	}

	if !resting(func(*row) {}) {
		t.Fatal("a connection to which nothing happens is not at rest")
	}

	for name, change := range map[string]func(r *row){
		"last data sent":     func(r *row) { r.Info.LastDataSent++ },
		"last data received": func(r *row) { r.Info.LastDataRecv++ },
		"last ACK received":  func(r *row) { r.Info.LastAckRecv++ },
		"timer":              func(r *row) { r.Expires++ },
	} {
		if !resting(change) {
			t.Errorf("%s is a clock, and ends the rest", name)
		}
	}

	for name, change := range map[string]func(r *row){
		"state":         func(r *row) { r.State = sampler.StateCloseWait },
		"port":          func(r *row) { r.Remote = established(2).Remote },
		"receive queue": func(r *row) { r.RecvQueue = 1 },
		"send queue":    func(r *row) { r.SendQueue = 1 },
		"keepalive":     func(r *row) { r.Timer = sampler.TimerKeepalive },
		"probes":        func(r *row) { r.Info.Probes = 1 },
		"unacked":       func(r *row) { r.Info.Unacked = 1 },
		"bytes sent":    func(r *row) { r.Info.BytesSent++ },
		"segments in":   func(r *row) { r.Info.SegsIn++ },
		"RTT":           func(r *row) { r.Info.RTT++ },
		"window":        func(r *row) { r.Info.SndWnd++ },
		"less tcp_info": func(r *row) { r.InfoSize = 232 },
		"no tcp_info":   func(r *row) { r.InfoSize = diagtest.NoInfo },
	} {
		if resting(change) {
			t.Errorf("%s does not end the rest", name)
		}
	}
}

// TestRestAfterManyHaveGone: who comes behind them is still found in its place, but
// for a few.
func TestRestAfterManyHaveGone(t *testing.T) {
	const all, gone = 200, 90

	var rows []row

	for i := range uint64(all) {
		r := established(i + 1)
		r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 20_000, 20_000, 20_000
		rows = append(rows, r)
	}

	both := newTwins(t, Config{})
	for range 5 {
		both.each(func(w *watch) { w.tick(rows...) })
	}

	before := both.rested
	both.each(func(w *watch) { w.tick(append(rows[:20:20], rows[20+gone:]...)...) })

	if rested := both.rested - before; rested != all-gone-(patience-1) {
		t.Errorf("%d of %d were at rest", rested, all-gone)
	}
}

// TestEndedAtRest asks for a connection that ended at rest, once the times of the dumps that
// contained it are forgotten: its newest sample is left.
func TestEndedAtRest(t *testing.T) {
	both := newTwins(t, Config{Retention: time.Hour})
	w, q := both.rest, Query{Cookie: 1, Limit: 1, Ended: true}
	r := established(1)
	r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 20_000, 20_000, 20_000

	for range 40 {
		w.tick(r, established(2))
	}

	last := w.ask(q, nil).Found[0].Window

	for range 2 * restMemory {
		w.tick(established(2))
	}

	found := w.ask(q, nil).Found
	if both.rested == 0 || len(found) != 1 || len(found[0].Window) != 1 || found[0].Window[0] != last[len(last)-1] {
		t.Errorf("got %+v, want the last of %v", found, last)
	}
}

// TestNoRestInThinnedWindows: what they keep depends on all that came.
func TestNoRestInThinnedWindows(t *testing.T) {
	both := newTwins(t, Config{Interval: 50 * time.Millisecond})
	r := established(1)
	r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 20_000, 20_000, 20_000

	for range 300 {
		both.each(func(w *watch) { w.tick(r) })
	}

	if both.rested != 0 {
		t.Errorf("%d rows were skipped", both.rested)
	}
}
