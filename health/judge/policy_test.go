package judge

import (
	"testing"
)

// TestBulkLimits let the RTT rise twice as far.
func TestBulkLimits(t *testing.T) {
	auto, bulk := BuiltinProfiles()[0].Thresholds, BuiltinProfiles()[2].Thresholds

	for _, tc := range []struct {
		srtt       float64
		auto, bulk bool
	}{{0.058, false, false}, {0.062, true, false}, {0.118, true, false}, {0.122, true, true}} {
		e := calm()
		e.srtt, e.baseline = tc.srtt, 0.02

		if got := assess(&e, auto).flags.Has(RTTDrift); got != tc.auto {
			t.Errorf("auto at %v s: %v", tc.srtt, got)
		}

		if got := assess(&e, bulk).flags.Has(RTTDrift); got != tc.bulk {
			t.Errorf("bulk at %v s: %v", tc.srtt, got)
		}
	}
}
