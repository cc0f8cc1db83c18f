package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tcphealth_exporter/health/judge"
)

// Table collects what all runs came to. Its methods may be called from any goroutine.
type Table struct {
	mu   sync.Mutex
	runs []*Run
}

// Add adds a run.
func (t *Table) Add(r *Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs = append(t.runs, r)
}

// Markdown renders the table, in the order of the scenarios.
func (t *Table) Markdown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.WriteString("| healthy scenario | interval | sights | false alarms | worst |\n|---|---|---|---|---|\n")
	for _, sc := range Healthy() {
		for _, interval := range intervalTable {
			if c := t.column(sc.Name, interval); len(c) > 0 {
				fmt.Fprintf(&b, "| %s | %v | %d | %d | %v |\n", sc.Name, interval, c[0].Sights, len(c[0].Problems), c[0].Worst)
			}
		}
	}
	b.WriteString("\n| failing scenario | interval | at least, limit | detected after, median and worst | cause | flags | recovered after, median and worst | unmet |\n" +
		"|---|---|---|---|---|---|---|---|\n")
	for _, sc := range Failing() {
		for _, interval := range intervalTable {
			if c := t.column(sc.Name, interval); len(c) > 0 {
				b.WriteString(failingRow(&sc, interval, c))
			}
		}
	}
	fmt.Fprintf(&b, "\n%d runs, %d of them again because the lab itself stalled.\n", len(t.runs), t.repeated())
	return b.String()
}

// column returns the findings of all runs of a scenario at an interval.
func (t *Table) column(scenario string, interval time.Duration) (all []Finding) {
	for _, r := range t.runs {
		for _, f := range r.Findings {
			if r.Scenario.Name == scenario && f.Interval == interval {
				all = append(all, f)
			}
		}
	}
	return all
}

func (t *Table) repeated() (n int) {
	for _, r := range t.runs {
		n += r.Attempts - 1
	}
	return n
}

func failingRow(sc *Scenario, interval time.Duration, c []Finding) string {
	unmet := 0
	for _, f := range c {
		if len(f.Problems) > 0 {
			unmet++
		}
	}
	return fmt.Sprintf("| %s | %v | %v, %v | %s | %s | %s | %s | %d of %d |\n", sc.Name, interval, sc.Expect.Status, sc.Expect.limit(interval),
		spread(c, func(f Finding) time.Duration { return f.Detected }), names(c, func(f Finding) []string { return []string{f.Cause.String()} }),
		names(c, func(f Finding) []string { return f.expected(sc.Expect.Flags) }),
		spread(c, func(f Finding) time.Duration { return f.Recovered }), unmet, len(c))
}

// expected returns which of the flags were raised.
func (f *Finding) expected(flags []judge.Flag) (names []string) {
	for _, flag := range f.Flags {
		if len(flags) == 0 || slices.Contains(flags, flag) {
			names = append(names, flag.String())
		}
	}
	return names
}

// spread renders the median and the worst.
func spread(c []Finding, of func(Finding) time.Duration) string {
	var all []time.Duration
	for _, f := range c {
		all = append(all, of(f))
	}
	slices.SortFunc(all, cmp.Compare[time.Duration])
	return fmt.Sprintf("%.2f s, %.2f s", all[len(all)/2].Seconds(), all[len(all)-1].Seconds())
}

// names renders all different names.
func names(c []Finding, of func(Finding) []string) string {
	var all []string
	for _, f := range c {
		all = append(all, of(f)...)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}
