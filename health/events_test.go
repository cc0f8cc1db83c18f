package health

import (
	"testing"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// unanswered makes a row of a handshake whose SYN was repeated so many times, the last time
// 900 ms ago.
func unanswered(r row, times uint8) row {
	r.State, r.Info.RTT, r.Info.Unacked, r.Info.Retransmits = sampler.StateSynSent, 0, 1, times
	r.Timer, r.Info.RTO, r.Expires = sampler.TimerRetransmit, 1_000_000, 100

	return r
}

// TestLastRaised follows who raised a flag last, shown or not.
func TestLastRaised(t *testing.T) {
	w := newWatch(t, Config{InterfaceName: func(uint32) string { return "eth0" }})

	s := w.tick(established(1), established(2))
	if got := s.LastActivated; got != [judge.NumFlags]Activation{} {
		t.Errorf("before any: %+v", got)
	}

	at := w.now
	s = w.tick(unanswered(established(1), 1), established(2))
	first := Activation{export.Identity{LocalAddress: "192.0.2.1", LocalPort: "443", RemoteAddress: "10.0.0.1", RemotePort: "1"}, at.Local()}
	requireRaised(t, s, first)

	requireRaised(t, w.tick(unanswered(established(1), 1), established(2)), first)
	requireRaised(t, w.tick(established(2)), first) // gone, and still the last one

	at = w.now
	second := w.tick(established(2), unanswered(linkLocal(3, 7), 1))
	requireRaised(t, second, Activation{export.Identity{LocalAddress: "fe80::1%eth0", LocalPort: "22", RemoteAddress: "fe80::2%eth0", RemotePort: "40000"}, at.Local()})
	requireRaised(t, s, first) // what was published stays

	if got := second.LastActivated[judge.LossHigh]; got != (Activation{}) {
		t.Errorf("another flag: %+v", got)
	}
}

func requireRaised(t *testing.T, s *Snapshot, want Activation) {
	t.Helper()

	got := s.LastActivated[judge.SynUnanswered]
	if got.Identity != want.Identity || !got.At.Equal(want.At) {
		t.Errorf("raised last: %+v, expected %+v", got, want)
	}
}

// TestRaisedInOneSample: of many edges the last one counts, and naming it costs
// nothing while there are no more.
func TestRaisedInOneSample(t *testing.T) {
	w := newWatch(t, Config{})

	s := w.tick(unanswered(established(1), 1), unanswered(established(2), 1), unanswered(established(3), 1))
	if got := s.LastActivated[judge.SynUnanswered].RemotePort; got != "3" || s.FlagEvents[judge.SynUnanswered] != 3 {
		t.Errorf("%d events, the last one of port %s", s.FlagEvents[judge.SynUnanswered], got)
	}

	if n := testing.AllocsPerRun(10, func() { w.tracker.events.newest(&w.tracker.times) }); n != 0 {
		t.Errorf("%v allocations for names that were made before", n)
	}
}
