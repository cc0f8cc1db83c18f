package judge

import "slices"

// Profile is a named set of thresholds.
type Profile struct {
	Name       string
	Thresholds *Thresholds
}

// BuiltinProfiles returns the profiles that need no configuration: auto,
// messaging and bulk.
func BuiltinProfiles() []Profile {
	return []Profile{
		{"auto", DefaultThresholds()},
		{"messaging", messagingThresholds()},
		{"bulk", bulkThresholds()},
	}
}

// messagingThresholds returns the thresholds for links that carry single messages of
// one or two kilobytes, where a queue of a few is already a problem.
func messagingThresholds() *Thresholds {
	t := DefaultThresholds()
	t.Steps[SendQueueHigh] = []Step{{Threshold: 1 << 10, Points: 1}, {Threshold: 2 << 10, Points: 3}, {Threshold: 4 << 10, Points: 5}}
	t.Steps[CwndExhausted] = []Step{{Threshold: 0.5, Points: 1}, {Threshold: 0.7, Points: 3}}

	return t
}

// bulkThresholds returns the thresholds for transfers whose queues are intended.
func bulkThresholds() *Thresholds {
	t := DefaultThresholds()
	for _, f := range []Flag{QueueGrowing, QueuePersistent, QueueAccelerating, QueueVolatile} {
		t.Steps[f] = nil
	}

	t.Steps[RTTDrift] = slices.Clone(t.Steps[RTTDrift])
	for i := range t.Steps[RTTDrift] {
		t.Steps[RTTDrift][i].Threshold *= 2
	}

	return t
}
