package field

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/internal/lab"
	"tcphealth_exporter/sampler"
)

// outcome is what was reported of a row, compared with what was expected.
type outcome struct {
	row *row
	lab.Marks

	connections, polls int
	worst              judge.Status
	above              int           // Polls above CAUTION.
	right              time.Duration // The first right verdict after the first affected packet, negative for none.
	attempts, stalls   int
	problems           []string
	timelines          []string // Of the connections with problems.
}

func (o *outcome) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// judgeRow compares what was seen of a row's connections with its expectation.
func judgeRow(r *row, m lab.Marks, began time.Time, seen map[uint64][]lab.Sight) *outcome {
	o := &outcome{row: r, Marks: m, connections: len(seen), right: -1}
	if !busy(seen) {
		o.problem("no connection has carried data")
	}
	fails := r.fault != nil && len(r.want.causes) > 0
	origin := began
	if r.fault != nil {
		origin = m.Seen
	}
	var stories []story
	for _, sights := range seen {
		st := o.follow(sights, fails)
		if fails {
			o.detect(sights)
		}
		stories = append(stories, st)
	}
	switch {
	case !fails:
	case o.right < 0:
		o.problem("%v because of %v was not reported", r.want.status, r.want.causes)
	case o.right > r.want.limit:
		o.problem("reported after %v, limit %v", o.right.Round(ms), r.want.limit)
	}
	slices.SortFunc(stories, func(a, b story) int { return cmp.Compare(b.worst, a.worst) })
	for _, st := range stories[:min(len(stories), maxStories)] {
		if st.problem != "" {
			o.problem("%s", st.problem)
		}
		if len(o.problems) > 0 {
			o.timelines = append(o.timelines, fmt.Sprintf("%v -> %v\n%s", st.sights[0].Conn.Row.Local, st.sights[0].Conn.Row.Remote, lab.Timeline(st.sights, origin)))
		}
	}
	return o
}

// busy reports whether any connection has carried data, or waits to be established.
func busy(seen map[uint64][]lab.Sight) bool {
	for _, sights := range seen {
		last := &sights[len(sights)-1].Conn.Row
		if last.State == sampler.StateSynSent || last.Info.BytesAcked()+last.Info.BytesReceived() > 100 {
			return true
		}
	}
	return false
}

// maxStories is the maximum number of connections to report of a row, the worst ones.
const maxStories = 4

// story is one connection of a row.
type story struct {
	sights  []lab.Sight
	worst   judge.Status
	problem string // Its worst poll, if that is worse than allowed.
}

// follow counts the polls of a connection. With a fault that must be detected, only those before it are limited.
func (o *outcome) follow(sights []lab.Sight, fails bool) story {
	st := story{sights: sights}
	o.polls += len(sights)
	for i := range sights {
		at, c := sights[i].At, &sights[i].Conn
		o.worst = max(o.worst, c.Status)
		if c.Status > judge.Caution {
			o.above++
		}
		if c.Status > o.row.want.worst && c.Status > st.worst && (!fails || at.Before(o.Fault)) {
			st.problem = fmt.Sprintf("%s %v because of %v, %v: %v", at.Format("05.000"), c.Status, c.Cause, slices.Collect(c.Flags.All()), diagtest.Describe(&c.Row))
		}
		st.worst = max(st.worst, c.Status)
	}
	return st
}

// detect looks for the right verdict on a connection, and for wrong ones that stand after the limit.
func (o *outcome) detect(sights []lab.Sight) {
	want := &o.row.want
	wrong := 0
	for i := range sights {
		c, since := &sights[i].Conn, sights[i].At.Sub(o.Seen)
		switch right := slices.Contains(want.causes, c.Cause); {
		case since < 0 || sights[i].At.After(o.Repaired):
		case right && c.Status >= want.status:
			if o.right < 0 || since < o.right {
				o.right = since
			}
		case !right && !slices.Contains(want.also, c.Cause) && c.Status > judge.Caution && since > want.limit:
			wrong++
		}
	}
	if wrong > 0 {
		o.problem("%d polls after the limit have another cause", wrong)
	}
}

// markdown renders the table, in the order of the rows.
func markdown(outcomes []*outcome) string {
	slices.SortFunc(outcomes, func(a, b *outcome) int { return cmp.Compare(rowIndex(a.row), rowIndex(b.row)) })
	var b strings.Builder
	b.WriteString("| program | path | expectation | worst status | polls above CAUTION | first right verdict | |\n|---|---|---|---|---|---|---|\n")
	polls, repeated := 0, 0
	for _, o := range outcomes {
		path, right, met := o.row.line.name, "", "met"
		if o.row.fault != nil {
			path += ", " + o.row.fault.name
		}
		if o.right >= 0 {
			right = fmt.Sprintf("%.2f s", o.right.Seconds())
		}
		if len(o.problems) > 0 {
			met = fmt.Sprintf("**not met**, %d stalls", o.stalls)
		}
		fmt.Fprintf(&b, "| %s | %s | %v | %v | %.1f %% of %d | %s | %s |\n", o.row.name, path, &o.row.want, o.worst,
			100*float64(o.above)/float64(max(o.polls, 1)), o.polls, right, met)
		polls += o.polls
		repeated += o.attempts - 1
	}
	fmt.Fprintf(&b, "\n%d rows, %d polls, %d runs repeated because the lab itself stalled.\n", len(outcomes), polls, repeated)
	return b.String()
}

func rowIndex(r *row) int {
	for i := range rowTable {
		if r == &rowTable[i] {
			return i
		}
	}
	return -1
}
