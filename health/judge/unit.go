package judge

import (
	"fmt"
	"strconv"
)

// Unit is the unit of a flag's figure and thresholds.
type Unit uint8

// The units.
const (
	// UnitNone is that of a condition that holds or not; its threshold is 1.
	UnitNone Unit = iota
	UnitSeconds
	// UnitShare is 0 to 1, rendered as a percentage.
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
		return digits(v)
	case UnitBytes:
		return bytes(v)
	default:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
}

// seconds renders a duration in seconds, in ms below one second.
func seconds(v float64) string {
	if v < 0.9995 {
		return digits(v*msPerSecond) + " ms"
	}

	return digits(v) + " s"
}

// percent renders a share of 0 to 1.
func percent(v float64) string { return digits(100*v) + " %" }

// digits renders three significant digits, and all digits before the decimal point.
func digits(v float64) string {
	if v >= 999.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}

	return strconv.FormatFloat(v, 'g', 3, 64)
}

func bytes(v float64) string { return plural(v, "byte") }

// plural renders a number of things.
func plural(n float64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}

	return fmt.Sprintf("%.0f %ss", n, thing)
}
