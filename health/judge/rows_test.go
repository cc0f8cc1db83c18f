package judge

import (
	"time"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/internal/diagtest"
)

// start is when all tests begin.
var start = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// row is a row of a dump in the kernel's terms.
type row = diagtest.Row

func established(cookie uint64) row { return diagtest.Established(cookie) }

func flagNames(flags Flags) (names []string) {
	for f := range flags.All() {
		names = append(names, f.String())
	}

	return names
}

// fatalFlags are those that may make a connection STALE.
func fatalFlags() (all Flags) {
	for f := range NumFlags {
		if f.Cause().Fatal() {
			all |= FlagSet(f)
		}
	}

	return all
}

// filled returns a window of the given span into which the samples were pushed.
func filled(interval, span int64, samples ...window.Sample) *window.Window {
	g := window.NewGeometry(interval, span)
	r := window.New(make([]window.Sample, g.Length), window.Position{})

	for _, s := range samples {
		r.Push(s, &g)
	}

	return &r
}
