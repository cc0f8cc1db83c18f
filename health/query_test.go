package health

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// cookies returns the cookies of an answer in its order.
func (a *Answer) cookies() []uint64 {
	all := make([]uint64, 0, len(a.Found))
	for _, f := range a.Found {
		all = append(all, f.Cookie)
	}

	return all
}

// ask answers a query without pause.
func (w *watch) ask(q Query, src sampler.Reader) *Answer {
	w.tb.Helper()

	s := w.tracker.Search(q)
	if !s.Step(src, func() bool { return true }) {
		w.tb.Fatal("a search that has all the time is not done")
	}

	return s.Answer()
}

// remotePort selects connections by their remote port, which in these tests is
// the cookie.
func remotePort(ports ...uint16) func(*sampler.Socket) bool {
	return func(s *sampler.Socket) bool { return slices.Contains(ports, s.Remote.Port) }
}

func TestQuerySelects(t *testing.T) {
	w := newWatch(t, Config{})
	w.tick(established(9), unhealthy(8, 1), unhealthy(7, 3))
	w.tick(established(1), established(9), unhealthy(8, 1), unhealthy(7, 3))
	w.tick(established(1), unhealthy(8, 1), unhealthy(7, 3))
	w.tick(established(1), unhealthy(8, 1), unhealthy(7, 3)) // 9 has ended

	all := Query{Limit: 10}

	for name, test := range map[string]struct {
		change func(q *Query)
		total  int
		want   []uint64
	}{
		"all, the worst first":     {func(*Query) {}, 3, []uint64{7, 8, 1}},
		"ended, too":               {func(q *Query) { q.Ended = true }, 4, []uint64{7, 8, 9, 1}},
		"least status":             {func(q *Query) { q.MinStatus = judge.Suspect }, 2, []uint64{7, 8}},
		"the worst status":         {func(q *Query) { q.MinStatus = judge.Stale }, 1, []uint64{7}},
		"limit":                    {func(q *Query) { q.Limit = 2 }, 3, []uint64{7, 8}},
		"no room":                  {func(q *Query) { q.Limit = 0 }, 3, nil},
		"match":                    {func(q *Query) { q.Match = remotePort(1, 8, 9) }, 2, []uint64{8, 1}},
		"match and status":         {func(q *Query) { q.Match, q.MinStatus = remotePort(1, 8), judge.Suspect }, 1, []uint64{8}},
		"match of the ended":       {func(q *Query) { q.Match, q.Ended = remotePort(9), true }, 1, []uint64{9}},
		"none":                     {func(q *Query) { q.Match = remotePort(5) }, 0, nil},
		"cookie":                   {func(q *Query) { q.Cookie = 8 }, 1, []uint64{8}},
		"cookie of the ended":      {func(q *Query) { q.Cookie, q.Ended = 9, true }, 1, []uint64{9}},
		"cookie of the ended, not": {func(q *Query) { q.Cookie = 9 }, 0, nil},
		"cookie of none":           {func(q *Query) { q.Cookie = 5 }, 0, nil},
		"cookie and status":        {func(q *Query) { q.Cookie, q.MinStatus = 1, judge.Caution }, 0, nil},
	} {
		q := all
		test.change(&q)

		if a := w.ask(q, nil); a.Total != test.total || !slices.Equal(a.cookies(), test.want) {
			t.Errorf("%s: %v of %d, expected %v of %d", name, a.cookies(), a.Total, test.want, test.total)
		}
	}
}

// TestQueryReturnsMatchWhatIdentifies sees what a filter can look at.
func TestQueryReturnsMatchWhatIdentifies(t *testing.T) {
	w := newWatch(t, Config{})
	r := linkLocal(3, 7)
	r.Attributes = append(r.Attributes,
		diagtest.Attribute{Kind: 15, Payload: binary.NativeEndian.AppendUint32(nil, 0x42)},       // INET_DIAG_MARK
		diagtest.Attribute{Kind: 21, Payload: binary.NativeEndian.AppendUint64(nil, 1<<56+0x99)}) // INET_DIAG_CGROUP_ID
	w.tick(established(1), r)

	var got []sampler.Socket

	w.ask(Query{Limit: 1, Match: func(s *sampler.Socket) bool {
		got = append(got, *s)

		return true
	}, Cookie: 3}, nil)

	if len(got) == 0 {
		t.Fatal("none was asked")
	}

	s := &got[0]
	if s.Cookie != 3 || s.Local.AddrPort() != r.Local || s.Remote.AddrPort() != r.Remote || s.Ifindex != 7 ||
		s.Family != sampler.FamilyIPv6 || s.CgroupID != 1<<56+0x99 || s.Mark != 0x42 {
		t.Errorf("asked about %+v", s)
	}
}

// TestQueryReturns compares what a query says of a connection with what was put in.
func TestQueryReturns(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 1}})

	if a := w.ask(Query{Limit: 1}, nil); !a.SampledAt.IsZero() || a.Total != 0 {
		t.Errorf("before the first sample: %+v", a)
	}

	for n := range 3 {
		r := unhealthy(5, uint8(n+1))
		r.SendQueue, r.RecvQueue = uint32(100*n), uint32(n)
		r.Info.BytesSent, r.Info.BytesRetrans, r.Info.NotsentBytes = uint64(1000*n), uint64(100*n), uint32(10*n)
		r.Info.TotalRetrans, r.Info.DSACKDups, r.Info.DataSegsOut = uint32(n), uint32(n+20), uint32(n+30)
		r.Info.Delivered, r.Info.DeliveredCE, r.Info.SndCwnd = uint32(n+40), uint32(n+50), uint32(n+60)
		r.Info.BusyTime, r.Info.RwndLimited, r.Info.SndbufLimited = uint64(3000*n), uint64(2000*n), uint64(1000*n)
		w.tick(r, established(6))
	}

	a := w.ask(Query{Cookie: 5, Limit: 1}, nil)
	if !a.SampledAt.Equal(start.Add(2*time.Second)) || a.Kernel.Len() != sampler.MaxInfoSize {
		t.Errorf("sampled at %v, a kernel with tcp_info of %d bytes", a.SampledAt, a.Kernel.Len())
	}

	f := a.Found[0]
	shown := w.snapshot.shown(5)

	if f.Identity != shown.Identity || f.Status != judge.Stale || f.Status != shown.Status || f.Flags != shown.Flags || f.Cause != judge.CauseHandshake ||
		f.Score != shown.Score || f.Points != shown.Points || f.SafeToSend || f.Idle || !f.StatusSince.Equal(shown.StatusSince) ||
		!f.FirstSeen.Equal(start) || !f.Ended.IsZero() || f.State != sampler.StateSynSent {
		t.Errorf("found %+v, shown %+v", f, shown)
	}

	if len(f.Reasons) == 0 || !strings.HasPrefix(f.Reasons[0], "syn_unanswered: SYN unanswered after 3 retransmissions") {
		t.Errorf("reasons: %q", f.Reasons)
	}

	if f.Row != shown.Row || !f.RowAt.Equal(a.SampledAt) || plainTrend(f.Trend) != plainTrend(shown.Trend) {
		t.Errorf("row of %v and trend %+v are not those shown: %+v", f.RowAt, f.Trend, shown.Trend)
	}

	want := make([]Sample, 3)
	for i := range want {
		n := uint32(i)
		want[i] = Sample{
			At: start.Add(time.Duration(n) * time.Second), SendQueue: 100 * n, RecvQueue: n, Notsent: 10 * n,
			BytesSent: uint64(1000 * n), BytesRetrans: uint64(100 * n),
			TotalRetrans: n, DSACKDups: n + 20, DataSegsOut: n + 30, Delivered: n + 40, DeliveredCE: n + 50, Cwnd: n + 60,
			Busy: 3 * n, ReceiverLimited: 2 * n, SndbufLimited: n,
		}
	}

	if !slices.EqualFunc(f.Window, want, func(a, b Sample) bool {
		sameTime := a.At.Equal(b.At)
		a.At = b.At

		return sameTime && a == b
	}) {
		t.Errorf("the window is\n%+v, expected\n%+v", f.Window, want)
	}

	if list := w.ask(Query{Limit: 2}, nil); list.Found[0].Window != nil {
		t.Error("a list has windows")
	}

	// There is no place to show it, so the tracker has no row of it.
	f = w.ask(Query{Cookie: 6, Limit: 1}, nil).Found[0]
	if !f.RowAt.IsZero() || f.Row != (sampler.Socket{}) || f.Trend.Samples != 3 || !math.IsNaN(f.Trend.Jitter) || !math.IsNaN(f.Trend.RTTDrift) {
		t.Errorf("a row that none has: %v, trend %+v", f.RowAt, f.Trend)
	}
}

func TestQueryOfEnded(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 1, Hold: time.Hour}})
	w.tick(unhealthy(1, 3), established(2))
	last := w.now
	w.tick(unhealthy(1, 3), established(2))
	w.tick()
	w.tick()

	reader := &reader{rows: map[uint64]row{1: unhealthy(1, 3), 2: established(2)}}

	a := w.ask(Query{Ended: true, Limit: 5}, reader)
	if a.Total != 2 || len(reader.asked) != 0 {
		t.Fatalf("%d found, %d sockets read", a.Total, len(reader.asked))
	}

	shown, other := a.Found[0], a.Found[1]
	if !shown.Ended.Equal(last) || !shown.RowAt.Equal(last) || shown.Row.Cookie != 1 {
		t.Errorf("ended %v, row of %v", shown.Ended, shown.RowAt)
	}

	if !other.Ended.Equal(last) || !other.RowAt.IsZero() {
		t.Errorf("ended %v, row of %v", other.Ended, other.RowAt)
	}
}

// TestQueryNamesZones sees that a link-local address is named as in the export.
func TestQueryNamesZones(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, InterfaceName: func(uint32) string { return "eth0" }})
	w.tick(linkLocal(2, 2))

	if f := w.ask(Query{Limit: 1}, nil).Found[0]; f.Identity != w.snapshot.shown(2).Identity || f.LocalAddress != "fe80::1%eth0" {
		t.Errorf("found %+v, shown %+v", f.Identity, w.snapshot.shown(2).Identity)
	}
}

// TestQueryOfOldKernel sees that absent fields differ from zeros.
func TestQueryOfOldKernel(t *testing.T) {
	w := newWatch(t, Config{})
	r := established(1)
	r.InfoSize = 104
	w.tick(r)

	kernel := &w.ask(Query{Limit: 1}, nil).Kernel
	if kernel.Has(sampler.FieldBytesSent) || !kernel.Has(sampler.FieldSndCwnd) {
		t.Errorf("tcp_info of %d bytes", kernel.Len())
	}
}

// naive answers a query by looking at everything and sorting all.
func naive(t *Tracker, q Query) (total int, worst []rank) {
	for cookie, i := range indexed(t) {
		c := t.slab.conn(i)

		var s sampler.Socket
		c.describe(&s)

		v := c.judged.Verdict()
		if v.Status >= q.MinStatus && (q.Ended || c.endedAt == 0) && (q.Cookie == 0 || q.Cookie == cookie.Cookie) &&
			(q.Match == nil || q.Match(&s)) {
			worst = append(worst, rank{v.Status, int(v.Points), c.firstSeen})
		}
	}

	slices.SortFunc(worst, rank.compare)

	return len(worst), worst[:min(len(worst), q.Limit)]
}

// rank is what an answer is sorted by.
type rank struct {
	status    judge.Status
	points    int
	firstSeen int64
}

func (r rank) compare(other rank) int {
	return cmp.Or(cmp.Compare(other.status, r.status), cmp.Compare(other.points, r.points), cmp.Compare(r.firstSeen, other.firstSeen))
}

// world is a random population that comes, goes, falls unhealthy and recovers.
type world struct {
	random *rand.Rand
	rows   []row
	next   uint64
}

// turn lets time pass and returns the rows of a dump.
func (o *world) turn() []row {
	o.rows = slices.DeleteFunc(o.rows, func(row) bool { return o.random.IntN(10) == 0 })

	for len(o.rows) < 60 && o.random.IntN(8) > 0 {
		o.next++
		o.rows = append(o.rows, established(o.next))
	}

	for i := range o.rows {
		switch o.random.IntN(6) {
		case 0:
			o.rows[i] = unhealthy(o.rows[i].Cookie, uint8(o.random.IntN(5)))
		case 1:
			o.rows[i] = established(o.rows[i].Cookie)
		}
	}

	return o.rows
}

// query returns a random query.
func (o *world) query() Query {
	q := Query{MinStatus: judge.Status(o.random.IntN(judge.NumStatuses)), Ended: o.random.IntN(2) == 0, Limit: o.random.IntN(50)}

	if o.random.IntN(2) == 0 {
		q.MinStatus = judge.Healthy
	}

	if odd := uint16(o.random.IntN(2)); o.random.IntN(2) == 0 {
		q.Match = func(s *sampler.Socket) bool { return s.Remote.Port%2 == odd }
	}

	if o.random.IntN(4) == 0 {
		q.Cookie = 1 + o.random.Uint64N(o.next)
	}

	return q
}

// TestQueryAgainstNaive asks random questions about random tables.
func TestQueryAgainstNaive(t *testing.T) {
	for seed := range uint64(10) {
		o := &world{random: rand.New(rand.NewPCG(seed, 1))}
		w := newWatch(t, Config{MaxConnections: 80, Retention: 5 * time.Second, Export: export.Config{Max: 10}})

		for range 60 {
			w.tick(o.turn()...)

			q := o.query()
			a := w.ask(q, nil)
			requireTrue(t, w.tracker, q, a)

			total, worst := naive(w.tracker, q)
			got := make([]rank, 0, len(a.Found))

			for _, f := range a.Found {
				got = append(got, rank{f.Status, f.Points, f.FirstSeen.UnixMilli()})
			}

			if a.Total != total || !slices.Equal(got, worst) {
				t.Fatalf("%+v: %d of %d found, expected %d of %d:\n%v\n%v", q, len(got), a.Total, len(worst), total, got, worst)
			}
		}
	}
}

// requireTrue holds each connection of an answer to what it should be.
func requireTrue(t *testing.T, tracker *Tracker, q Query, a *Answer) {
	t.Helper()

	seen := make(map[uint64]bool)

	for i, f := range a.Found {
		like := established(f.Cookie)
		want := export.Identity{LocalAddress: "192.0.2.1", LocalPort: "443", RemoteAddress: like.Remote.Addr().String(), RemotePort: netipPort(like.Remote)}

		switch {
		case f.Cookie == 0 || seen[f.Cookie] || f.Identity != want:
			t.Fatalf("%d is %+v (twice: %t), expected %+v", f.Cookie, f.Identity, seen[f.Cookie], want)
		case f.Status < q.MinStatus || !f.Ended.IsZero() && !q.Ended || q.Cookie != 0 && q.Cookie != f.Cookie:
			t.Fatalf("%+v selects %d: %v, ended %v", q, f.Cookie, f.Status, f.Ended)
		case judge.StatusOf(f.Points) != f.Status || f.Score != judge.Score(f.Points) || f.SafeToSend && f.Status >= judge.Degraded:
			t.Fatalf("%v with %d points and score %d", f.Status, f.Points, f.Score)
		case len(f.Reasons) != len(flagNames(f.Flags)) && f.Flags != 0, len(f.Reasons) == 0 && f.Status > judge.Healthy:
			t.Fatalf("%v with %v for %q", f.Status, flagNames(f.Flags), f.Reasons)
		case f.Trend.Samples == 0 || f.Trend.Samples > tracker.geometry.Length || q.Cookie != 0 && len(f.Window) != f.Trend.Samples:
			t.Fatalf("a window of %d samples, of which %d come along", f.Trend.Samples, len(f.Window))
		case i > 0 && a.Found[i-1].compare(f) >= 0:
			t.Fatalf("%d stands before %d", a.Found[i-1].Cookie, f.Cookie)
		case !f.RowAt.IsZero() && f.Row.Cookie != f.Cookie:
			t.Fatalf("%d has the row of %d", f.Cookie, f.Row.Cookie)
		}

		seen[f.Cookie] = true
	}
}

func netipPort(a netip.AddrPort) string { return a.String()[strings.LastIndexByte(a.String(), ':')+1:] }
