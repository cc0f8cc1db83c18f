package judge

import (
	"testing"
	"time"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// following is a connection that is followed without a tracker around it.
type following struct {
	tb testing.TB
	c  State
	r  window.Window
	g  window.Geometry
	at int64
}

func newFollowing(tb testing.TB) *following {
	tb.Helper()

	g := window.NewGeometry(1000, 10_000)

	return &following{tb: tb, r: window.New(make([]window.Sample, g.Length), window.Position{}), g: g, at: start.UnixMilli()}
}

// see takes in a row a second after the last one.
func (f *following) see(r row) Evidence {
	f.tb.Helper()

	f.at += 1000
	m := Moment{Socket: &diagtest.Decode(f.tb, r)[0], At: f.at, Sampled: f.at, Now: Stamp(f.at), FirstSeen: start.UnixMilli()}

	var e Evidence

	f.c.follow(&m, &f.r, &f.g, DefaultThresholds(), &e)

	return e
}

func outstanding(sent, heard uint32) row { return diagtest.Outstanding(sent, heard) }

func TestOutstandingAge(t *testing.T) {
	const hour = 3_600_000

	timedOut := outstanding(480, hour)
	timedOut.Info.Retransmits, timedOut.Info.Backoff, timedOut.Info.RTO, timedOut.Expires = 2, 2, 880_000, 400

	thin := timedOut // linear timeouts: the RTO does not grow
	thin.Info.Backoff, thin.Info.RTO, thin.Expires = 0, 220_000, 100

	clamped := timedOut
	clamped.Info.Retransmits, clamped.Info.Backoff, clamped.Info.RTO, clamped.Expires = 255, 255, 120_000_000, 130_000

	probing := timedOut
	probing.Timer = sampler.TimerProbe

	progress := outstanding(5000, 100)
	progress.Info.BytesAcked = 5000

	fin := outstanding(hour, hour)
	fin.State = sampler.StateFinWait1

	closeWait := outstanding(700, hour)
	closeWait.State = sampler.StateCloseWait

	reset := outstanding(700, hour)
	reset.Info.BytesAcked = 0

	for _, tc := range []struct {
		name string
		rows []row
		want float64 // seconds, at the last row
	}{
		{"nothing outstanding", []row{established(1)}, 0},
		{"a lone write", []row{established(1), outstanding(300, hour)}, 0.3},
		{"a lone write at first sight", []row{outstanding(300, hour)}, 0.3},
		{"a write that was seen before", []row{outstanding(300, hour), outstanding(1300, hour)}, 1.3},
		{"the oldest of many writes", []row{outstanding(300, hour), outstanding(10, hour), outstanding(10, hour)}, 2.3},
		{"progress, and something still out", []row{outstanding(4000, hour), progress}, 0.1},
		{"an acknowledged one in between", []row{outstanding(900, hour), established(1), outstanding(200, hour)}, 0.2},
		{"after two timeouts", []row{timedOut}, 0.220 + 0.440 + 0.480},
		{"after two timeouts of a thin stream", []row{thin}, 0.480},
		{"as much as a clamped RTO shows", []row{clamped}, 120},
		{"another timer", []row{probing}, 0.480},
		{"a FIN", []row{established(1), fin}, 0},
		{"a FIN for a second", []row{established(1), fin, fin}, 1},
		{"half-closed", []row{closeWait}, 0.7},
		{"bytes_acked that falls is no progress", []row{outstanding(300, hour), reset}, 1.3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFollowing(t)

			var e Evidence
			for _, r := range tc.rows {
				e = f.see(r)
			}

			if !near(e.age, tc.want) {
				t.Errorf("the age is %v s, want %v", e.age, tc.want)
			}

			if e.overdue != (e.outstanding && tc.want >= 1) {
				t.Errorf("overdue %v at %v s", e.overdue, e.age)
			}
		})
	}
}

func TestAgeOfAProbe(t *testing.T) {
	f := newFollowing(t)
	r := established(1)
	f.see(r)

	r.Timer, r.Info.Probes = sampler.TimerKeepalive, 1
	for n := range 4 {
		if e := f.see(r); !near(e.age, float64(n)) {
			t.Errorf("a probe that was seen %d s ago is out for %v s", n, e.age)
		}
	}

	// Answered and out again.
	r.Info.LastAckRecv = 900
	if e := f.see(r); e.age != 0 {
		t.Errorf("a new probe is out for %v s", e.age)
	}
}

func TestProgressOfOldKernels(t *testing.T) {
	old := func(unacked, heard uint32, timeouts uint8) row {
		r := outstanding(10, heard)
		r.InfoSize, r.Info.Unacked, r.Info.Retransmits = 120, unacked, timeouts

		return r
	}

	for _, tc := range []struct {
		name   string
		before row
		after  row
		want   bool
	}{
		{"less in flight", old(5, 9000, 0), old(3, 9000, 0), true},
		{"an ACK since", old(5, 500, 0), old(5, 400, 0), true},
		{"no ACK since", old(5, 500, 0), old(5, 1500, 0), false},
		{"an ACK while nothing was in flight", old(0, 500, 0), old(0, 100, 0), false},
		{"after a timeout", old(5, 500, 0), old(3, 400, 1), false},
	} {
		f := newFollowing(t)
		f.see(tc.before)

		if e := f.see(tc.after); e.progress != tc.want {
			t.Errorf("%s: progress %v", tc.name, e.progress)
		}
	}
}

func TestZeroWindow(t *testing.T) {
	closed := established(1)
	closed.Info.SndWnd, closed.Info.NotsentBytes = 0, 100

	probing := established(1)
	probing.Timer = sampler.TimerProbe
	probing.Info.SndWnd, probing.Info.NotsentBytes = 500, 1000

	corked := probing
	corked.Info.SndWnd, corked.Info.NotsentBytes = 65536, 300

	roomForSegment := probing
	roomForSegment.Info.SndWnd, roomForSegment.Info.NotsentBytes = 2000, 100_000

	shortProbing := probing
	shortProbing.InfoSize = 224

	nothing := established(1)
	nothing.Info.SndWnd = 0

	short := closed
	short.InfoSize = 224

	connecting := probing
	connecting.State = sampler.StateSynSent

	bare := probing
	bare.InfoSize = diagtest.NoInfo

	for _, tc := range []struct {
		name string
		row  row
		want bool
	}{
		{"a closed window and unsent data", closed, true},
		{"the probe timer, and a window too small", probing, true},
		{"the probe timer, and only TCP_CORK in the way", corked, false},
		{"the probe timer, and room for a segment", roomForSegment, false},
		{"the probe timer on a kernel that does not show the window", shortProbing, true},
		{"nothing to send", nothing, false},
		{"a kernel that does not show the window", short, false},
		{"no window yet", connecting, false},
		{"no tcp_info", bare, false},
	} {
		if got := atZeroWindow(&diagtest.Decode(t, tc.row)[0]); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}

	f := newFollowing(t)
	for n := range 3 {
		if e := f.see(closed); !near(e.zeroWindowFor, float64(n)) {
			t.Errorf("closed for %v s, want %d", e.zeroWindowFor, n)
		}
	}

	closed.Info.BytesAcked += 1000

	if e := f.see(closed); e.zeroWindowFor != 0 || !e.zeroWindow {
		t.Errorf("open in between: closed for %v s", e.zeroWindowFor)
	}
}

func TestUnread(t *testing.T) {
	f := newFollowing(t)
	r := established(1)

	see := func(received uint64, queue uint32, want float64) {
		t.Helper()

		r.Info.BytesReceived, r.RecvQueue = received, queue
		if e := f.see(r); !near(e.unreadFor, want) {
			t.Errorf("%d received, %d unread: for %v s, want %v", received, queue, e.unreadFor, want)
		}
	}

	see(1000, 500, 0)
	see(1000, 500, 1)
	see(1200, 700, 2) // more comes in, nothing is read
	see(1300, 700, 0) // 100 were read
	see(1300, 700, 1)

	r.State = sampler.StateCloseWait // the FIN counts as a byte in both

	see(1301, 701, 2)
	see(1301, 1, 0)
	see(1301, 1, 0)
	see(1301, 0, 0)
}

func TestIdle(t *testing.T) {
	const window = 10_000

	busy := func(change func(*row)) row {
		r := established(1)
		change(&r)

		return r
	}

	for _, tc := range []struct {
		name string
		row  row
		want bool
	}{
		{"an hour", established(1), true},
		{"sent just now", busy(func(r *row) { r.Info.LastDataSent = window - 1 }), false},
		{"received just now", busy(func(r *row) { r.Info.LastDataRecv = window - 1 }), false},
		{"a window ago", busy(func(r *row) { r.Info.LastDataRecv = window }), true},
		{"an ACK of a keepalive", busy(func(r *row) { r.Info.LastAckRecv = 0 }), true},
		{"unsent data", busy(func(r *row) { r.SendQueue = 1 }), false},
		{"connecting", busy(func(r *row) { r.State = sampler.StateSynSent }), false},
		{"no tcp_info", busy(func(r *row) { r.InfoSize = diagtest.NoInfo }), true},
	} {
		if got := quietFor(&diagtest.Decode(t, tc.row)[0], false) >= window; got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}

	if quietFor(&diagtest.Decode(t, established(1))[0], true) >= window {
		t.Error("idle with something outstanding")
	}
}

func TestStamp(t *testing.T) {
	if got := Stamp(0).seconds(5000); got != 0 {
		t.Errorf("what is not running runs for %v s", got)
	}

	if got := Stamp(2000).seconds(Stamp(2000 + 1500*time.Millisecond.Milliseconds())); got != 1.5 {
		t.Errorf("got %v s", got)
	}
}

// TestProbedFor: the kernel's timer shows how long a window has been closed,
// also if no one looked.
func TestProbedFor(t *testing.T) {
	for _, tc := range []struct {
		name    string
		timer   sampler.Timer
		rto     uint32 // µs
		backoff uint8
		expires uint32 // ms
		want    int64
	}{
		{"another timer", sampler.TimerRetransmit, 250_000, 2, 10, 0},
		{"just begun", sampler.TimerProbe, 250_000, 0, 250, 0},
		{"before the first probe", sampler.TimerProbe, 250_000, 0, 100, 150},
		{"after the first", sampler.TimerProbe, 250_000, 1, 100, 250 + 400},
		{"after the third", sampler.TimerProbe, 250_000, 3, 2000, 250 + 500 + 1000},
		{"the minimum RTO", sampler.TimerProbe, 50_000, 1, 400, 200},
		{"a timer that was made longer", sampler.TimerProbe, 200_000, 0, 500, 0},
		{"the longest", sampler.TimerProbe, 60_000_000, 3, 120_000, 60_000 + 120_000 + 120_000},
	} {
		r := established(1)
		r.Timer, r.Expires, r.Info.RTO, r.Info.Backoff = tc.timer, tc.expires, tc.rto, tc.backoff
		s := diagtest.Decode(t, r)[0]

		if got := probedFor(&s); got != tc.want {
			t.Errorf("%s: %d ms, want %d ms", tc.name, got, tc.want)
		}
	}
}
