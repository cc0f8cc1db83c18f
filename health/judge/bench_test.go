package judge

import (
	"testing"
)

// BenchmarkAssess judges one connection.
func BenchmarkAssess(b *testing.B) {
	dead := calm()
	dead.age, dead.silence, dead.timeouts, dead.backoff = 5, 5, 4, 4
	lossy(&dead, 0.2)

	for name, e := range map[string]Evidence{"calm": calm(), "dead": dead} {
		b.Run(name, func(b *testing.B) {
			l := DefaultThresholds()

			b.ReportAllocs()

			for b.Loop() {
				assess(&e, l)
			}
		})
	}
}
