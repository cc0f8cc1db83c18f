package config

import (
	"errors"
	"math"
	"path/filepath"
	"testing"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
)

// FuzzParse looks for texts that Parse chokes on, and for policies that the
// tracker would.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil {
		f.Fatal(err)
	}

	for _, path := range paths {
		f.Add(readFile(f, path))
	}

	f.Add(sample)
	f.Add("profiles: {a: &a {flags: &f {rtt_high: &l [{threshold: 1e-9s, rtts: 1e999, points: 1}]}}, b: *a}")
	f.Add("profiles:\n  a: {rate_fall: 0x1p-2, sparse_segments: 1000000, drift_above: 1e9h, patience: {threshold: -0s}}\n")

	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("fuzz.yml", []byte(text), testEnv)
		if err == nil {
			checkConfig(t, c)

			return
		}

		e, ok := errors.AsType[*Error](err)
		if !ok || c != nil {
			t.Fatalf("%v, %v", c, err)
		}

		checkError(t, e)
	})
}

// checkConfig holds a configuration to what the tracker relies on.
func checkConfig(tb testing.TB, c *Config) {
	tb.Helper()

	if n := len(c.Profiles); n < 3 || n > health.MaxProfiles {
		tb.Fatalf("%d profiles", n)
	}

	for _, r := range c.Rules {
		if r.Filter == nil || r.Profile < 0 || r.Profile >= len(c.Profiles) {
			tb.Fatalf("bad rule %v", r)
		}
	}

	for _, p := range c.Profiles {
		for i := range settingTable {
			s := &settingTable[i]
			checkFigure(tb, p.Name+" "+s.name, s.get(p.Thresholds), s.minimum, s.maximum)
		}

		checkStep(tb, p.Name+" patience", p.Thresholds.Patience)

		for f, steps := range p.Thresholds.Steps {
			checkSteps(tb, p.Name+" "+judge.Flag(f).String(), steps)
		}
	}
}

// checkSteps sees that the levels rise.
func checkSteps(tb testing.TB, name string, steps []judge.Step) {
	tb.Helper()

	for i, s := range steps {
		checkStep(tb, name, s)

		if i > 0 && (s.Threshold <= steps[i-1].Threshold || s.RTTs < steps[i-1].RTTs || s.Points <= steps[i-1].Points) {
			tb.Fatalf("%s: %v after %v", name, s, steps[i-1])
		}
	}
}

func checkStep(tb testing.TB, name string, s judge.Step) {
	tb.Helper()
	checkFigure(tb, name, s.Threshold, 0, 1<<40)
	checkFigure(tb, name, s.RTTs, 0, maxRTTs)
	checkFigure(tb, name, float64(s.Points), 0, maxPoints)
}

func checkFigure(tb testing.TB, name string, v, least, most float64) {
	tb.Helper()

	if !(v >= least && v <= most) || math.IsInf(v, 0) {
		tb.Fatalf("%s: %v, want %v to %v", name, v, least, most)
	}
}
