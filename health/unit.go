package health

import (
	"fmt"
	"strconv"
)

// Unit is the unit of a flag's figure and limits.
type Unit uint8

// The units.
const (
	// UnitNone is that of a condition which holds or not; its limit is 1.
	UnitNone Unit = iota
	UnitSeconds
	// UnitShare is 0 to 1, shown as a percentage.
	UnitShare
	// UnitFactor is a multiple of what is expected.
	UnitFactor
	UnitCount
	UnitBytes
)

var unitNameTable = [...]string{
	UnitNone: "condition", UnitSeconds: "seconds", UnitShare: "share", UnitFactor: "factor", UnitCount: "count", UnitBytes: "bytes",
}

// String returns the name of the unit.
func (u Unit) String() string { return unitNameTable[u] }

// format renders a figure with its unit.
func (u Unit) format(v float64) string {
	switch u {
	case UnitSeconds:
		return seconds(v)
	case UnitShare:
		return percent(v)
	case UnitFactor:
		return fmt.Sprintf("%.1f", v)
	case UnitBytes:
		return bytes(v)
	default:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
}

// seconds renders a duration in seconds, in ms below one second.
func seconds(v float64) string {
	switch {
	case v < 0.9995:
		return fmt.Sprintf("%.0f ms", v*msPerSecond)
	case v < 99.95:
		return fmt.Sprintf("%.1f s", v)
	default:
		return fmt.Sprintf("%.0f s", v)
	}
}

// percent renders a share of 0 to 1.
func percent(v float64) string {
	if v < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*v)
	}

	return fmt.Sprintf("%.0f %%", 100*v)
}

func bytes(v float64) string { return plural(v, "byte") }

// plural renders a number of things.
func plural(n float64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}

	return fmt.Sprintf("%.0f %ss", n, thing)
}
