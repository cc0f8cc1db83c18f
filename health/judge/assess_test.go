package judge

import (
	"testing"

	"tcphealth_exporter/sampler"
)

// sum adds up points that were given by hand.
func sum(points map[Flag]int) (int, Cause) {
	var (
		all   [NumFlags]int
		flags Flags
	)

	for f, p := range points {
		all[f] = p
		flags |= FlagSet(f)
	}

	return addUp(flags, &all)
}

func TestAddUp(t *testing.T) {
	for _, tc := range []struct {
		name   string
		points map[Flag]int
		sum    int
		cause  Cause
	}{
		{"nothing", nil, 0, CauseNone},
		{"one", map[Flag]int{RTTHigh: 3}, 3, CausePathDelay},
		{"within a cause the highest", map[Flag]int{RTTHigh: 3, RTTDrift: 2}, 3, CausePathDelay},
		{"other causes rank within the status", map[Flag]int{RTTHigh: 3, ZeroWindow: 1, RecvQueueStuck: 2}, 4, CausePathDelay},
		{"mild causes stay CAUTION together", map[Flag]int{RTTHigh: 2, RecvLimited: 2, RecvQueueStuck: 2}, 2, CausePathDelay},
		{"no more than DEGRADED without a fatal cause", map[Flag]int{LossHigh: 6, RTTHigh: 3, ZeroWindow: 5}, 6, CausePacketLoss},
		{"more with one", map[Flag]int{HalfOpenConfirmed: 8, LossHigh: 6}, 14, CausePathDead},
		{"a suspicion lifts no lid", map[Flag]int{HalfOpenSuspect: 4, ZeroWindow: 5}, 6, CausePeerReceiver},
		{"weak alone", map[Flag]int{LossDetected: 1}, 1, CausePacketLoss},
		{"weak together", map[Flag]int{LossDetected: 1, JitterHigh: 1, CongestionConfirmed: 2, SndbufLimited: 1}, 2, CauseCongestion},
		{"weak fill up to CAUTION", map[Flag]int{RTTHigh: 1, LossDetected: 1, CongestionConfirmed: 2}, 2, CauseCongestion},
		{"weak lift nothing above it", map[Flag]int{RTTHigh: 2, LossDetected: 1, SndbufLimited: 1}, 2, CausePathDelay},
		{"weak add nothing to what is above", map[Flag]int{LossHigh: 4, CongestionConfirmed: 2, JitterHigh: 1}, 4, CausePacketLoss},
		{"zero points have a cause", map[Flag]int{CongestionRecovering: 0}, 0, CauseCongestion},
		{"zero points don't outdo", map[Flag]int{CongestionRecovering: 0, SndbufLimited: 1}, 1, CauseLocalSendBuffer},
		{"a tie: handshake", map[Flag]int{SynUnanswered: 7, StaleConfirmedSend: 7}, 14, CauseHandshake},
		{"a tie: dead path", map[Flag]int{StaleConfirmedSend: 4, LossHigh: 4, ZeroWindow: 4}, 4, CausePathDead},
		{"a tie: loss", map[Flag]int{LossHigh: 2, RTTDrift: 2}, 2, CausePacketLoss},
		{"a tie: delay", map[Flag]int{RTTDrift: 2, RecvLimited: 2}, 2, CausePathDelay},
		{"a tie: congestion", map[Flag]int{CongestionConfirmed: 2, RecvLimited: 2}, 2, CauseCongestion},
		{"a tie: peer", map[Flag]int{RecvQueueStuck: 3, ZeroWindow: 3}, 4, CausePeerReceiver},
		{"a tie: send buffer", map[Flag]int{SndbufLimited: 1, RecvQueueStuck: 1}, 2, CauseLocalSendBuffer},
	} {
		if got, cause := sum(tc.points); got != tc.sum || cause != tc.cause {
			t.Errorf("%s: %d, %v, want %d, %v", tc.name, got, cause, tc.sum, tc.cause)
		}
	}
}

// TestWeakFlagsStopAtCaution looks at all sets of weak flags.
func TestWeakFlagsStopAtCaution(t *testing.T) {
	var weak []Flag

	for f := range NumFlags {
		if ruleTable[f].weak {
			weak = append(weak, f)
		}
	}

	if len(weak) < 6 {
		t.Fatalf("only %d weak flags", len(weak))
	}

	for set := range 1 << len(weak) {
		points := map[Flag]int{}

		for i, f := range weak {
			if set&(1<<i) != 0 {
				points[f] = ruleTable[f].steps[len(ruleTable[f].steps)-1].Points
			}
		}

		if got, _ := sum(points); StatusOf(got) > Caution {
			t.Errorf("%v make %d points", points, got)
		}
	}
}

// TestOnlyDeadMeansStale looks at all sets of two flags at their worst.
func TestOnlyDeadMeansStale(t *testing.T) {
	worst := func(f Flag) int {
		steps := messagingThresholds().Steps[f]
		if len(steps) == 0 {
			return 0
		}

		return steps[len(steps)-1].Points
	}

	for f := range NumFlags {
		for g := range NumFlags {
			points, cause := sum(map[Flag]int{f: worst(f), g: worst(g), RTTHigh: 3, RecvQueueStuck: 3})
			dead := f.Cause().Fatal() && worst(f) >= 7 || g.Cause().Fatal() && worst(g) >= 7

			if stale := StatusOf(points) == Stale; stale != dead || stale && !cause.Fatal() {
				t.Errorf("%v and %v make %v because of %v", f, g, StatusOf(points), cause)
			}
		}
	}
}

func TestReplacedFlagsAreGone(t *testing.T) {
	e := calm()
	e.age, e.silence, e.timeouts = 10, 10, 4
	a := assess(&e, DefaultThresholds())

	if want := FlagSet(HalfOpenConfirmed, StaleConfirmedSend); a.flags != want {
		t.Errorf("got %s", flagNames(a.flags))
	}

	if a.points != 8 || a.cause != CausePathDead || a.safeToSend {
		t.Errorf("got %+v", a)
	}

	e = calm()
	e.caState, e.window.CwndFell, e.window.DeliveredCE = sampler.CALoss, true, 1

	if a := assess(&e, DefaultThresholds()); a.flags != FlagSet(CongestionConfirmed) {
		t.Errorf("got %s", flagNames(a.flags))
	}
}

func TestSafeToSend(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*Evidence)
		want bool
	}{
		{"calm", func(*Evidence) {}, true},
		{"overdue without a flag", func(e *Evidence) { e.overdue = true }, false},
		{"overdue with a flag", func(e *Evidence) { e.overdue, e.srtt = true, 0.3 }, false},
		{"SUSPECT", func(e *Evidence) { e.srtt = 1 }, true},
		{"DEGRADED", func(e *Evidence) { e.zeroWindow, e.zeroWindowFor = true, 3 }, false},
		{"STALE", func(e *Evidence) { e.age, e.silence, e.timeouts = 2, 2, 2 }, false},
	} {
		e := calm()
		tc.set(&e)

		if a := assess(&e, DefaultThresholds()); a.safeToSend != tc.want {
			t.Errorf("%s: %v", tc.name, a.safeToSend)
		}
	}
}

func TestFirstSampleAfterAGapAccusesNoOne(t *testing.T) {
	for f := range NumFlags {
		e := calm()
		e.age, e.silence, e.timeouts, e.probes = 100, 100, 9, 9
		e.srtt, e.baseline = 2, 2
		e.afterGap = true

		if f == SynUnanswered {
			e.state, e.synchronized = sampler.StateSynSent, false
		}

		if f == KeepaliveUnanswered {
			e.timer, e.unacked = sampler.TimerKeepalive, 0
		}

		a := assess(&e, DefaultThresholds())
		if a.flags&fatalFlags() != 0 || !a.flags.Has(RTTHigh) {
			t.Errorf("%v: got %s", f, flagNames(a.flags))
		}
	}
}

func TestStatusOf(t *testing.T) {
	want := []Status{Healthy, Caution, Caution, Suspect, Suspect, Degraded, Degraded, Stale, Stale}
	for points, s := range want {
		if StatusOf(points) != s {
			t.Errorf("%d points are %v", points, StatusOf(points))
		}
	}

	for points, want := range map[int]int{0: 100, 3: 70, 10: 0, 11: 0, 50: 0} {
		if Score(points) != want {
			t.Errorf("%d points score %d", points, Score(points))
		}
	}
}

func TestNames(t *testing.T) {
	statuses := []string{"HEALTHY", "CAUTION", "SUSPECT", "DEGRADED", "STALE", "UNKNOWN"}
	for s, want := range statuses {
		if Status(s).String() != want {
			t.Errorf("status %d is %v", s, Status(s))
		}
	}

	causes := []string{
		"none", "handshake", "mtu", "path_dead", "packet_loss", "path_delay", "congestion", "peer_receiver",
		"local_send_buffer", "local_application", "unknown",
	}
	for c, want := range causes {
		if Cause(c).String() != want {
			t.Errorf("cause %d is %v", c, Cause(c))
		}
	}
}

func TestFlagSets(t *testing.T) {
	s := FlagSet(SynUnanswered, LossHigh, RecvQueueStuck)
	if !s.Has(LossHigh) || s.Has(LossDetected) {
		t.Errorf("%b has the wrong flags", s)
	}

	var got []Flag

	for f := range s.All() {
		got = append(got, f)
		if len(got) == 2 {
			break
		}
	}

	if len(got) != 2 || got[0] != SynUnanswered || got[1] != LossHigh {
		t.Errorf("the first two flags are %v", got)
	}
}

// causes reports whether a flag of the set points at c.
func (s Flags) causes(c Cause) bool {
	for f := range s.All() {
		if f.Cause() == c {
			return true
		}
	}

	return false
}
