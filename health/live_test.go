package health

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// lab is a connection between two namespaces that is watched from the near one.
type lab struct {
	tb           testing.TB
	near, far    *netlab.Namespace
	client, peer net.Conn
	source       *sampler.Conn
	tracker      *Tracker
	snapshot     *Snapshot
	history      []sight
	began        time.Time
}

const labInterval = 250 * time.Millisecond

func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel()
	netlab.RequireRoot(t)

	l := &lab{tb: t, near: netlab.New(t), far: netlab.New(t)}
	link := netlab.Join(t, l.near, l.far, 1)
	l.client, l.peer = netlab.Connect(t, l.near, l.far, "tcp", net.JoinHostPort(link.B.IPv4.String(), "0"))
	l.tracker = NewTracker(Config{Interval: labInterval, Export: showAll}, func(s *Snapshot) { l.snapshot = s })

	source, err := sampler.Dial(sampler.Config{NetNS: l.near.FD()})
	if err != nil {
		t.Fatal(err)
	}

	l.source = source
	t.Cleanup(func() { _ = source.Close() })

	return l
}

// echo answers each request until the connection breaks.
func (l *lab) echo() {
	go func() { _, _ = io.Copy(l.peer, l.peer) }()
}

// requests writes each period until the test is over, whether or not answers
// come, and reads them as they do.
func (l *lab) requests(period time.Duration) {
	go func() { _, _ = io.Copy(io.Discard, l.client) }()
	go func() {
		for range time.Tick(period) {
			if _, err := l.client.Write(make([]byte, 300)); err != nil {
				return
			}
		}
	}()
}

// watch samples for the time.
func (l *lab) watch(length time.Duration) {
	l.tb.Helper()

	if l.began.IsZero() {
		l.began = time.Now()
	}

	tick := time.NewTicker(labInterval)
	defer tick.Stop()

	for end := time.Now().Add(length); time.Now().Before(end); <-tick.C {
		l.tracker.Begin(0)

		d, err := l.source.Dump(l.tracker.Sockets)
		if err != nil {
			l.tb.Fatal(err)
		}

		l.tracker.End(d)
		l.tracker.Publish(d.End)

		if len(l.snapshot.Connections) != 1 {
			l.tb.Fatalf("%d connections in the namespace", len(l.snapshot.Connections))
		}

		l.history = append(l.history, sight{time.Since(l.began), l.snapshot.Connections[0]})
	}
}

// drop drops all that arrives in the namespaces from now on.
func (l *lab) drop(namespaces ...*netlab.Namespace) {
	l.tb.Helper()

	for _, n := range namespaces {
		n.Run(l.tb, "nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; policy drop; }")
	}
}

func TestLiveRequestResponse(t *testing.T) {
	l := newLab(t)
	l.echo()
	l.requests(100 * time.Millisecond)
	l.watch(4 * time.Second)
	requireMild(t, l.history, judge.Caution)

	last := l.history[len(l.history)-1]
	if last.Idle || !last.SafeToSend || last.Trend.Samples < 10 || last.Row.Info.RTT() == 0 {
		t.Errorf("%+v, %s", last.Trend, diagtest.Describe(&last.Row))
	}
}

func TestLiveBlackHole(t *testing.T) {
	netlab.RequireTool(t, "nft")

	l := newLab(t)
	l.echo()
	l.requests(200 * time.Millisecond)
	l.watch(2 * time.Second)
	requireMild(t, l.history, judge.Caution)

	gone := time.Since(l.began)
	before := len(l.history)
	l.drop(l.near, l.far)
	l.watch(5 * time.Second)

	stale := first(t, l.history[before:], "STALE", func(s *sight) bool { return s.Status == judge.Stale })
	if stale.at-gone > 3*time.Second || !stale.Flags.Has(judge.HalfOpenConfirmed) || stale.Cause != judge.CausePathDead || stale.SafeToSend {
		t.Errorf("STALE because of %v with %s after %v", stale.Cause, flagNames(stale.Flags), stale.at-gone)
	}

	last := l.history[len(l.history)-1]
	if last.Status != judge.Stale || last.Score > 30 {
		t.Errorf("at the end %v with %s", last.Status, flagNames(last.Flags))
	}
}

func TestLivePeerThatStopsReading(t *testing.T) {
	l := newLab(t)

	go func() { _, _ = io.Copy(l.client, zeros{}) }()

	l.watch(8 * time.Second)

	for _, s := range l.history {
		if s.Status == judge.Stale || s.Flags&fatalFlags() != 0 {
			t.Fatalf("after %v: %v with %s, %s", s.at, s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}

	last := l.history[len(l.history)-1]
	if !last.Flags.Has(judge.ZeroWindow) || last.Status < judge.Suspect || last.Cause != judge.CausePeerReceiver {
		t.Errorf("at the end %v because of %v with %s, %s", last.Status, last.Cause, flagNames(last.Flags), diagtest.Describe(&last.Row))
	}

	// The peer reads again: the connection recovers. (The window with the zero
	// window in it need not pass: that flag says what is now.)
	go func() { _, _ = io.Copy(io.Discard, l.peer) }()

	before := len(l.history)
	l.watch(4 * time.Second)
	first(t, l.history[before:], "read again", func(s *sight) bool { return !s.Flags.Has(judge.ZeroWindow) && s.Status <= judge.Caution })
}

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestLiveIdle(t *testing.T) {
	l := newLab(t)
	l.watch(2 * time.Second)
	requireMild(t, l.history, judge.Healthy)

	if !slices.ContainsFunc(l.history, func(s sight) bool { return s.Row.State == sampler.StateEstablished }) {
		t.Error("the connection was never seen established")
	}
}
