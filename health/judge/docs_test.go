package judge

import (
	"fmt"
	"strings"
	"testing"

	"tcphealth_exporter/internal/generated"
)

const healthDoc = "../../docs/health.md"

// TestGoldenHealthDoc compares the tables of the document with the rule table.
func TestGoldenHealthDoc(t *testing.T) {
	generated.Compare(t, healthDoc, map[string]string{"flags": renderFlags(), "sentences": renderSentences(t)}, *update)
}

// renderFlags renders a row for each flag.
func renderFlags() string {
	var b strings.Builder

	b.WriteString("| flag | cause | active by | threshold: points | |\n|---|---|---|---|---|\n")

	for f := range NumFlags {
		r := &ruleTable[f]

		remark := ""
		if r.weak {
			remark = "weak"
		}

		if len(r.steps) == 0 {
			remark = "off but in `messaging`"
		}

		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", r.name, r.cause, r.condition, renderSteps(r.unit, messagingThresholds().Steps[f]), remark)
	}

	return b.String()
}

// renderSteps renders levels, mildest first.
func renderSteps(unit Unit, steps []Step) string {
	levels := make([]string, len(steps))

	for i, s := range steps {
		limit := unit.format(s.Threshold) + ": "
		if s.RTTs > 0 {
			limit = fmt.Sprintf("%s, %v RTTs: ", unit.format(s.Threshold), s.RTTs)
		}

		if unit == UnitNone {
			limit = ""
		}

		levels[i] = fmt.Sprintf("%s%d", limit, s.Points)
	}

	return strings.Join(levels, "; ")
}

// renderSentences renders the first sentence of each flag.
func renderSentences(tb testing.TB) string {
	tb.Helper()

	var b strings.Builder

	b.WriteString("| flag | |\n|---|---|\n")

	for f := range NumFlags {
		for i := range sentenceCases {
			if c := &sentenceCases[i]; c.flag == f {
				fmt.Fprintf(&b, "| `%s` | %s |\n", f, c.sentence(tb))

				break
			}
		}
	}

	return b.String()
}
