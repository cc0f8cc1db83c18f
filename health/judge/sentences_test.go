package judge

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const sentencesGolden = "testdata/sentences.golden"

// sentence returns the words for the flag of a case, and fails unless the case
// raises it at its level.
func (c *sentenceCase) sentence(tb testing.TB) string {
	tb.Helper()

	l, e := messagingThresholds(), calm()
	c.set(&e)

	r := &ruleTable[c.flag]
	if points, active := level(r.figure, &e, l, l.Steps[c.flag]); !active || points != c.points {
		tb.Errorf("%v %q: %d points, active %v, want %d points", c.flag, c.variant, points, active, c.points)
	}

	return r.explain(&e, l, l.Steps[c.flag])
}

// TestGoldenSentences keeps all sentences in one file, to be read.
func TestGoldenSentences(t *testing.T) {
	var b strings.Builder

	for i := range sentenceCases {
		c := &sentenceCases[i]

		about := strconv.Itoa(c.points)
		if c.variant != "" {
			about += ", " + c.variant
		}

		fmt.Fprintf(&b, "%v (%s): %s\n", c.flag, about, c.sentence(t))
	}

	if *update {
		if err := os.WriteFile(sentencesGolden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(sentencesGolden)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sentencesGolden, diff)
	}
}

// TestSentenceCasesAreComplete: each level of each flag is put into words.
func TestSentenceCasesAreComplete(t *testing.T) {
	for f := range NumFlags {
		for _, step := range messagingThresholds().Steps[f] {
			if !slices.ContainsFunc(sentenceCases, func(c sentenceCase) bool { return c.flag == f && c.points == step.Points }) {
				t.Errorf("no words for %v at %d points", f, step.Points)
			}
		}
	}
}

// TestSentencesNameTheirThreshold: each sentence shows the distance from the threshold,
// in which unit, and in good grammar.
func TestSentencesNameTheirLimit(t *testing.T) {
	units := map[Unit]string{
		UnitSeconds: `\(threshold [0-9.]+ m?s\)`, UnitShare: `\(threshold [0-9.]+ %\)`, UnitFactor: `\(threshold [0-9.]+( times)?\)`,
		UnitCount: `\(threshold [0-9]+( times)?\)`, UnitBytes: `\(threshold [0-9]+ bytes\)`, UnitNone: ``,
	}
	ungrammatical := regexp.MustCompile(`\b1 [a-z-]+s\b|[^0-9]1 times|NaN|Inf|e[+-][0-9]|  |\.$`)

	for i := range sentenceCases {
		c := &sentenceCases[i]
		words := c.sentence(t)

		if !regexp.MustCompile(units[c.flag.Unit()]).MatchString(words) {
			t.Errorf("%v: no threshold of %v in %q", c.flag, c.flag.Unit(), words)
		}

		if found := ungrammatical.FindString(strings.ReplaceAll(words, "1 ms", "")); found != "" {
			t.Errorf("%v: %q in %q", c.flag, found, words)
		}
	}
}

// TestSentenceNamesTheThresholdReached takes the level that counts, which for a
// long path is a multiple of its RTT.
func TestSentenceNamesTheThresholdReached(t *testing.T) {
	l := DefaultThresholds()
	e := calm()
	e.srtt, e.age, e.silence, e.timeouts = 0.62, 4.5, 0.1, 2

	for f, want := range map[Flag]string{StaleSuspectSend: "(threshold 1.86 s)", StaleConfirmedSend: "(threshold 3.72 s)", RTTHigh: "(threshold 500 ms)"} {
		if got := ruleTable[f].explain(&e, l, l.Steps[f]); !strings.Contains(got, want) {
			t.Errorf("%v: no %s in %q", f, want, got)
		}
	}
}

func TestUnitFormat(t *testing.T) {
	for _, tc := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{UnitSeconds, 0, "0 ms"},
		{UnitSeconds, 0.000087, "0.087 ms"},
		{UnitSeconds, 0.0122, "12.2 ms"},
		{UnitSeconds, 0.2, "200 ms"},
		{UnitSeconds, 0.99949, "999 ms"},
		{UnitSeconds, 0.9996, "1 s"},
		{UnitSeconds, 1.25, "1.25 s"},
		{UnitSeconds, 86_400, "86400 s"},
		{UnitSeconds, 999.6, "1000 s"},
		{UnitShare, 0.01, "1 %"},
		{UnitShare, 0.0523, "5.23 %"},
		{UnitShare, 1, "100 %"},
		{UnitFactor, 0.35, "0.35"},
		{UnitFactor, 3, "3"},
		{UnitFactor, 13_600, "13600"},
		{UnitCount, 4, "4"},
		{UnitCount, math.MaxUint32, "4294967295"},
		{UnitBytes, 1, "1 byte"},
		{UnitBytes, 626_592, "626592 bytes"},
	} {
		if got := tc.unit.format(tc.v); got != tc.want {
			t.Errorf("%v %v is %q, want %q", tc.v, tc.unit, got, tc.want)
		}
	}
}

// TestStrongestReasonComesFirst: sentences are ordered by points, not by the table.
func TestStrongestReasonComesFirst(t *testing.T) {
	l := messagingThresholds()
	e := calm()
	e.srtt, e.age, e.silence, e.timeouts = 0.25, 4, 4, 3
	e.progress = true // CAUTION for the RTT, STALE for the silence

	v := Verdict{Flags: FlagSet(RTTHigh, HalfOpenConfirmed)}
	e.window.Retrans, e.window.RetransAll = 1, 1
	v.Flags |= FlagSet(LossDetected)

	sentences := Explain(&v, &e, l)
	if len(sentences) != 3 || !strings.HasPrefix(sentences[0], HalfOpenConfirmed.String()) {
		t.Fatalf("%q", sentences)
	}

	// In the table, losses come before the RTT.
	e.srtt = 0.6
	v.Flags = FlagSet(RTTHigh, LossDetected)

	if sentences = Explain(&v, &e, l); len(sentences) != 2 || !strings.HasPrefix(sentences[0], RTTHigh.String()) {
		t.Fatalf("%q", sentences)
	}
}
