package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	"tcphealth_exporter/health/judge"
)

// notation is how the figures of a unit are written.
type notation struct {
	name, example string
	// most is the highest limit that makes sense, in the unit.
	maximum float64
	parse   func(text string) (figure float64, ok bool)
	format  func(figure float64) string
}

// notationTable has a notation for each unit that has figures.
var notationTable = [...]notation{
	judge.UnitSeconds: {"a duration", "1.5s", (24 * time.Hour).Seconds(), parseSeconds, formatSeconds},
	judge.UnitShare:   {"a share", "5%", 1, parseShare, formatShare},
	judge.UnitFactor:  {"a number", "2.5", 1e6, parseNumber, formatNumber},
	judge.UnitCount:   {"a whole number", "3", 1e6, parseCount, formatNumber},
	judge.UnitBytes:   {"a number of bytes", "4KiB", 1 << 40, parseBytes, formatBytes},
}

// figure reads a figure in its unit.
func (v value) figure(unit judge.Unit, minimum, maximum float64) (float64, error) {
	n := &notationTable[unit]
	what := n.name + " from " + n.format(minimum) + " to " + n.format(maximum) + " such as " + n.example

	text, err := v.text(what)
	if err != nil {
		return 0, err
	}

	figure, ok := n.parse(text)
	if !ok || figure < minimum || figure > maximum || math.IsNaN(figure) {
		return 0, v.expected(what)
	}

	return figure, nil
}

func parseNumber(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)

	return n, err == nil
}

func parseCount(text string) (float64, bool) {
	n, err := strconv.ParseUint(text, 10, 32)

	return float64(n), err == nil
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func parseSeconds(text string) (float64, bool) {
	d, err := time.ParseDuration(text)

	return d.Seconds(), err == nil
}

func formatSeconds(seconds float64) string {
	text := duration(seconds).String()

	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len("0s")]
		}
	}

	return text
}

// duration returns so many seconds, to the nanosecond.
func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

func parseShare(text string) (float64, bool) {
	percentage, isPercentage := strings.CutSuffix(text, "%")

	share, ok := parseNumber(strings.TrimSpace(percentage))
	if isPercentage {
		share /= 100
	}

	return share, ok
}

func formatShare(share float64) string { return strconv.FormatFloat(100*share, 'g', 12, 64) + "%" }

// byteUnitTable has the multiples of a byte, those of 1024 from the highest on.
var byteUnitTable = []struct {
	suffix string
	bytes  float64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"kB", 1e3},
	{"B", 1},
}

func parseBytes(text string) (float64, bool) {
	for _, u := range byteUnitTable {
		if number, found := strings.CutSuffix(text, u.suffix); found {
			n, ok := parseNumber(strings.TrimSpace(number))

			return n * u.bytes, ok
		}
	}

	return parseNumber(text)
}

func formatBytes(n float64) string {
	for _, u := range byteUnitTable {
		if strings.HasSuffix(u.suffix, "iB") && n >= u.bytes && math.Mod(n, u.bytes) == 0 {
			return formatNumber(n/u.bytes) + u.suffix
		}
	}

	return formatNumber(n)
}
