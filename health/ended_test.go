package health

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// newEnds returns a tracker, and the connections that it reports as ended.
func newEnds(tb testing.TB, cfg Config) (*watch, *[]Ended) {
	tb.Helper()

	ends := new([]Ended)
	cfg.Ended = func(e *Ended) { *ends = append(*ends, *e) }

	return newWatch(tb, cfg), ends
}

// TestEndReasons holds the conclusion from what was last seen of a connection.
func TestEndReasons(t *testing.T) {
	state := func(s sampler.State) row {
		r := established(1)
		r.State = s

		return r
	}

	syn := state(sampler.StateSynSent)
	syn.Info.Unacked = 1

	unansweredSyn := syn
	unansweredSyn.Info.Retransmits, unansweredSyn.Timer = 2, sampler.TimerRetransmit

	dead := diagtest.Outstanding(9000, 9000)
	dead.Info.Retransmits, dead.Info.Backoff = 4, 4

	for name, tc := range map[string]struct {
		last row
		want EndReason
	}{
		"established":                 {state(sampler.StateEstablished), EndUnknown},
		"the peer has closed":         {state(sampler.StateCloseWait), EndUnknown},
		"both sides have closed":      {state(sampler.StateLastAck), EndClosed},
		"we have closed":              {state(sampler.StateFinWait2), EndClosed},
		"an attempt to connect":       {syn, EndUnknown},
		"a SYN that nothing answered": {unansweredSyn, EndTimedOut},
		"a dead path":                 {dead, EndTimedOut},
	} {
		w, ends := newEnds(t, Config{})
		w.tick(established(2))

		for range 4 {
			w.tick(tc.last, established(2))
		}

		w.tick()

		if len(*ends) != 0 {
			t.Errorf("%s: ended at the first dump without it", name)
		}

		w.tick()
		w.tick()

		i := slices.IndexFunc(*ends, func(e Ended) bool { return e.Key.Cookie == 1 })
		if len(*ends) != 2 || i < 0 || (*ends)[i].Reason != tc.want {
			t.Errorf("%s: %+v, want one end of each connection, the reason %v", name, *ends, tc.want)
		}
	}
}

// TestEndedHasWhatWasSeen compares an end with what was seen before.
func TestEndedHasWhatWasSeen(t *testing.T) {
	w, ends := newEnds(t, Config{Groups: group.Config{Max: 8}})
	w.tick(listener(9, "192.0.2.1:443", 0, 5))

	r := established(1)
	r.Info.BytesSent, r.Info.DataSegsOut = 700, 2
	first := w.now
	w.tick(listener(9, "192.0.2.1:443", 0, 5), r)

	last := w.now
	r.Info.BytesSent = 900
	w.tick(listener(9, "192.0.2.1:443", 0, 5), r)
	w.tick(listener(9, "192.0.2.1:443", 0, 5))
	w.tick(listener(9, "192.0.2.1:443", 0, 5))

	if len(*ends) != 1 {
		t.Fatalf("%d ends", len(*ends))
	}

	e := (*ends)[0]
	if !e.FirstSeen.Equal(first) || !e.LastSeen.Equal(last) || !e.Opened || e.Role != group.RoleServer || e.Group != "server/443/////" {
		t.Errorf("%+v, want it opened at %v and last seen at %v", e, first, last)
	}

	if e.Counters[group.SentBytes] != 900 || e.Verdict.Status != judge.Healthy || e.Identity.LocalPort != "443" || e.State != sampler.StateEstablished {
		t.Errorf("%+v", e)
	}
}

// TestEachEndOnce: a connection that returns after its end ends a second time,
// and a reused socket ends the earlier connection.
func TestEachEndOnce(t *testing.T) {
	w, ends := newEnds(t, Config{Retention: time.Hour})
	w.tick(established(1))
	w.tick()
	w.tick()
	w.tick(established(1))
	w.tick()
	w.tick()
	w.tick()

	if len(*ends) != 2 {
		t.Errorf("%d ends of a connection that returned once", len(*ends))
	}

	reused := established(2)
	w.tick(reused)
	reused.Remote = established(3).Remote
	w.tick(reused)

	if len(*ends) != 3 || (*ends)[2].Identity.RemotePort != "2" {
		t.Errorf("%+v after a socket was reused", (*ends)[2:])
	}

	before := w.snapshot.Tracker.Closed
	w.tracker.Shutdown()

	if got := (*ends)[3:]; len(got) != 1 || got[0].Reason != EndShutdown || got[0].Identity.RemotePort != "3" {
		t.Errorf("%+v at shutdown", got)
	}

	if w.tracker.stats.Closed != before {
		t.Error("shutdown counts connections as closed")
	}
}

// TestEvictedEnds: who loses a place in a crowded table is reported, but not
// counted as closed.
func TestEvictedEnds(t *testing.T) {
	w, ends := newEnds(t, Config{MaxConnections: 16})

	rows := make([]row, 64)
	for i := range rows {
		rows[i] = established(uint64(i + 1))
	}

	for range 60 {
		w.tick(rows...)
	}

	evicted := 0

	for _, e := range *ends {
		if e.Reason == EndEvicted {
			evicted++
		}
	}

	if evicted == 0 || evicted != len(*ends) || w.snapshot.Tracker.Closed != 0 {
		t.Errorf("%d evicted of %d ends, %d counted as closed", evicted, len(*ends), w.snapshot.Tracker.Closed)
	}
}

func TestEndReasonNames(t *testing.T) {
	seen := make(map[string]bool)

	for r := range NumEndReasons {
		if name := r.String(); name == "" || seen[name] {
			t.Errorf("reason %d is named %q", r, name)
		}

		seen[r.String()] = true
	}
}
