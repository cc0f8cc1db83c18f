package judge

import (
	"testing"
	"time"
)

// judged makes the assessment of these points with the cause.
func judged(points int, cause Cause, flags ...Flag) assessment {
	return assessment{flags: FlagSet(flags...), points: points, cause: cause, safeToSend: StatusOf(points) < Degraded}
}

// judgement is one assessment and what should stand after it.
type judgement struct {
	at     int64 // ms
	a      assessment
	status Status
	points int8
	cause  Cause
	since  int64
}

func TestVerdictOverTime(t *testing.T) {
	const begin, hold = 1_000_000, 2000

	none := judged(0, CauseNone)
	loss := judged(4, CausePacketLoss, LossHigh)
	dead := judged(8, CausePathDead, HalfOpenConfirmed)
	mild := judged(1, CausePacketLoss, LossDetected)

	for _, tc := range []struct {
		name  string
		steps []judgement
	}{
		{"worse at once", []judgement{
			{0, none, Healthy, 0, CauseNone, 0},
			{1000, mild, Caution, 1, CausePacketLoss, 1000},
			{2000, loss, Suspect, 4, CausePacketLoss, 2000},
			{3000, dead, Stale, 8, CausePathDead, 3000},
			{4000, dead, Stale, 8, CausePathDead, 3000},
		}},
		{"unhealthy at first sight", []judgement{{500, dead, Stale, 8, CausePathDead, 500}}},
		{"better after the hold", []judgement{
			{0, dead, Stale, 8, CausePathDead, 0},
			{1000, none, Stale, 7, CausePathDead, 0},
			{2999, none, Stale, 7, CausePathDead, 0},
			{3000, none, Healthy, 0, CauseNone, 3000},
		}},
		{"better to the worst of the hold", []judgement{
			{0, dead, Stale, 8, CausePathDead, 0},
			{1000, none, Stale, 7, CausePathDead, 0},
			{2000, loss, Stale, 7, CausePathDead, 0},
			{3000, none, Suspect, 3, CausePathDead, 3000},
			{4000, none, Suspect, 3, CausePathDead, 3000},
			{4999, none, Suspect, 3, CausePathDead, 3000},
			{5000, none, Healthy, 0, CauseNone, 5000},
		}},
		{"better step by step, each since its own time", []judgement{
			{0, dead, Stale, 8, CausePathDead, 0},
			{2000, loss, Stale, 7, CausePathDead, 0},
			{3000, mild, Stale, 7, CausePathDead, 0},
			{4000, none, Suspect, 3, CausePathDead, 4000},
			{5000, none, Caution, 1, CausePathDead, 5000},
			{6000, none, Healthy, 0, CauseNone, 6000},
		}},
		{"a relapse begins the hold again", []judgement{
			{0, loss, Suspect, 4, CausePacketLoss, 0},
			{1000, none, Suspect, 3, CausePacketLoss, 0},
			{2000, loss, Suspect, 4, CausePacketLoss, 0},
			{3000, none, Suspect, 3, CausePacketLoss, 0},
			{4999, none, Suspect, 3, CausePacketLoss, 0},
			{5000, none, Healthy, 0, CauseNone, 5000},
		}},
		{"more points of the same status", []judgement{
			{0, judged(3, CausePathDelay, RTTHigh), Suspect, 3, CausePathDelay, 0},
			{1000, judged(4, CausePathDelay, RTTHigh), Suspect, 4, CausePathDelay, 0},
			{2000, judged(3, CausePathDelay, RTTHigh), Suspect, 3, CausePathDelay, 0},
		}},
		{"another cause after the hold", []judgement{
			{0, loss, Suspect, 4, CausePacketLoss, 0},
			{1000, judged(4, CausePathDelay, RTTHigh), Suspect, 4, CausePacketLoss, 0},
			{2999, judged(4, CausePathDelay, RTTHigh), Suspect, 4, CausePacketLoss, 0},
			{3000, judged(4, CausePathDelay, RTTHigh), Suspect, 4, CausePathDelay, 0},
		}},
		{"causes that change all the time", []judgement{
			{0, loss, Suspect, 4, CausePacketLoss, 0},
			{1000, judged(4, CausePathDelay, RTTHigh), Suspect, 4, CausePacketLoss, 0},
			{2500, judged(4, CausePeerReceiver, ZeroWindow), Suspect, 4, CausePacketLoss, 0},
			{4000, judged(4, CausePathDelay, RTTHigh), Suspect, 4, CausePacketLoss, 0},
			{5000, loss, Suspect, 4, CausePacketLoss, 0},
		}},
		{"another cause at once when it gets worse", []judgement{
			{0, loss, Suspect, 4, CausePacketLoss, 0},
			{1000, dead, Stale, 8, CausePathDead, 1000},
		}},
		{"a first cause at once", []judgement{
			{0, none, Healthy, 0, CauseNone, 0},
			{1000, judged(0, CauseCongestion, CongestionRecovering), Healthy, 0, CauseCongestion, 0},
			{2000, none, Healthy, 0, CauseCongestion, 0},
			{4000, none, Healthy, 0, CauseNone, 0},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v verdict

			for _, s := range tc.steps {
				v.settle(s.a, Stamp(begin+s.at), hold, begin+s.at)

				if v.Status != s.status || v.Points != s.points || v.Cause != s.cause || v.Since != begin+s.since {
					t.Errorf("after %d ms: %v, %d points, %v since %d, want %+v",
						s.at, v.Status, v.Points, v.Cause, v.Since-begin, s)
				}

				if v.Flags != s.a.flags {
					t.Errorf("after %d ms: %s", s.at, flagNames(v.Flags))
				}

				if safe := s.a.safeToSend && s.status < Degraded; v.SafeToSend != safe {
					t.Errorf("after %d ms: safe to send %v", s.at, v.SafeToSend)
				}

				if StatusOf(int(v.Points)) != v.Status {
					t.Errorf("after %d ms: %d points and %v", s.at, v.Points, v.Status)
				}
			}
		})
	}
}

func TestVerdictRaisesEdges(t *testing.T) {
	var v verdict

	for i, tc := range []struct{ flags, want Flags }{
		{0, 0},
		{FlagSet(LossDetected), FlagSet(LossDetected)},
		{FlagSet(LossDetected, RTTHigh), FlagSet(RTTHigh)},
		{FlagSet(RTTHigh), 0},
		{FlagSet(LossDetected, RTTHigh), FlagSet(LossDetected)},
		{0, 0},
	} {
		if got := v.settle(assessment{flags: tc.flags}, Stamp(1000*(i+1)), 1000, int64(i)); got != tc.want {
			t.Errorf("step %d active %s", i, flagNames(got))
		}
	}
}

// TestHoldFollowsTheInterval takes max(1 s, 2 intervals) from the limits.
func TestHoldFollowsTheInterval(t *testing.T) {
	for _, tc := range []struct {
		interval time.Duration
		want     int64
	}{
		{10 * time.Millisecond, 1000}, {250 * time.Millisecond, 1000}, {time.Second, 2000}, {5 * time.Second, 10_000},
	} {
		if got := DefaultThresholds().holdMS(tc.interval.Milliseconds()); got != tc.want {
			t.Errorf("at %v the hold is %d ms", tc.interval, got)
		}
	}
}
