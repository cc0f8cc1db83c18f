package lab

import (
	"fmt"
	"slices"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// Sight is what a watcher said of a connection at a time.
type Sight struct {
	At   time.Time
	Conn health.Connection
}

// Story is all that one watcher said of the connection of a scene.
type Story struct {
	Marks

	Interval time.Duration
	Sights   []Sight
}

// Finding is the comparison of a story with what was expected.
type Finding struct {
	Interval time.Duration
	// Sights is how much was said, Worst the worst of it.
	Sights int
	Worst  judge.Status
	// Detected is how long after the fault could be seen the expected verdict was there, negative if it never was.
	Detected time.Duration
	Cause    judge.Cause
	// Flags are those at the detection, or when the first of the expected ones was raised.
	Flags []judge.Flag
	// Recovered is how long after the first sign of life behind the repair the connection was HEALTHY again for good.
	Recovered time.Duration
	// Problems are what differs from the expectation.
	Problems []string
}

func (f *Finding) problem(format string, args ...any) {
	f.Problems = append(f.Problems, fmt.Sprintf(format, args...))
}

const (
	defaultShare = 0.8
	// quietBefore is for how long before a fault its verdict must not stand.
	quietBefore = 3 * time.Second
	// window and recovery are the promise: HEALTHY again within the window, three seconds and two intervals.
	window   = 10 * time.Second
	recovery = window + 3*time.Second
)

// recoveryLimit is how long a connection may take to be HEALTHY again.
func recoveryLimit(interval time.Duration) time.Duration { return recovery + 2*interval }

// JudgeRun compares what was said of the connection of a scenario, and of all others, with what was to be expected.
func JudgeRun(sc *Scenario, m Marks, interval time.Duration, said, others []Sight) Finding {
	if sc.Healthy() {
		f := JudgeHealthy(slices.Concat(said, others), interval)
		if len(said) == 0 {
			f.problem("the connection was not seen")
		}
		return f
	}
	f := Judge(Story{Marks: m, Interval: interval, Sights: said}, sc.Expect)
	if len(others) > 0 {
		f.Problems = append(f.Problems, JudgeHealthy(others, interval).Problems...)
	}
	return f
}

// JudgeHealthy looks for false alarms: anything worse than CAUTION, and any flag that speaks of death.
func JudgeHealthy(sights []Sight, interval time.Duration) Finding {
	f := Finding{Interval: interval, Detected: -1, Sights: len(sights)}
	if len(sights) == 0 {
		f.problem("nothing was seen")
	}
	for _, s := range sights {
		f.Worst = max(f.Worst, s.Conn.Status)
		dead := slices.Collect(deadFlags(s.Conn.Flags))
		if s.Conn.Status <= judge.Caution && len(dead) == 0 {
			continue
		}
		f.problem("%s %v because of %v, %v: %v", s.At.Format("05.000"), s.Conn.Status, s.Conn.Cause,
			slices.Collect(s.Conn.Flags.All()), diagtest.Describe(&s.Conn.Row))
		if len(f.Problems) > maxProblems {
			break
		}
	}
	return f
}

// maxProblems bounds what is said of one run.
const maxProblems = 4

func deadFlags(flags judge.Flags) func(yield func(judge.Flag) bool) {
	return func(yield func(judge.Flag) bool) {
		for f := range flags.All() {
			if f.Cause().Fatal() && !yield(f) {
				return
			}
		}
	}
}

// Judge compares a story with an expectation.
func Judge(s Story, e Expectation) Finding {
	f := Finding{Interval: s.Interval, Detected: -1}
	f.compare(s, e)
	for _, then := range e.Then {
		further := Finding{Detected: -1}
		further.compare(s, then)
		f.Problems = append(f.Problems, further.Problems...)
	}
	if s.Whole {
		f.recover(s)
	}
	return f
}

// compare looks for one verdict of a fault.
func (f *Finding) compare(s Story, e Expectation) {
	limit := e.limit(s.Interval)
	f.detect(s, e)
	switch {
	case f.Detected < 0:
		f.problem("%v because of %v was never said", e.Status, e.Causes)
	case f.Detected > limit:
		f.problem("detected after %v, limit %v", f.Detected.Round(time.Millisecond), limit)
	}
	f.checkBefore(s, e)
	f.checkNever(s, e)
}

// detect finds the verdict, and whether it holds.
func (f *Finding) detect(s Story, e Expectation) {
	first := -1
	for i, sight := range s.Sights {
		if !sight.At.Before(s.Seen) && sight.At.Before(s.Repaired) && e.met(sight) {
			first = i
			break
		}
	}
	if first < 0 {
		return
	}
	at := s.Sights[first]
	share, want := held(s.Sights[first:], s.Repaired, e.met), e.Share
	if want == 0 {
		want = defaultShare
	}
	if share < want {
		f.problem("held for %.0f %% of the time to the end of the fault, want %.0f %%", 100*share, 100*want)
	}
	f.Detected, f.Cause = at.At.Sub(s.Seen), at.Conn.Cause
	f.Flags = slices.Collect(at.Conn.Flags.All())
	if len(e.Flags) == 0 {
		return
	}
	raised := slices.IndexFunc(s.Sights[first:], e.raised)
	if raised < 0 {
		f.problem("none of %v was raised", e.Flags)
		return
	}
	f.Flags = slices.Collect(s.Sights[first+raised].Conn.Flags.All())
}

// limit returns what holds at an interval.
func (e *Expectation) limit(interval time.Duration) time.Duration {
	if interval < time.Second && e.Fast > 0 {
		return e.Fast
	}
	return e.Limit
}

// met reports whether a sight has the expected verdict.
func (e *Expectation) met(s Sight) bool {
	return s.Conn.Status >= e.Status && slices.Contains(e.Causes, s.Conn.Cause)
}

func (e *Expectation) raised(s Sight) bool {
	return slices.ContainsFunc(e.Flags, s.Conn.Flags.Has)
}

// held returns for what share of the time to the end a condition holds; what was said stands until something else is.
func held(sights []Sight, end time.Time, ok func(Sight) bool) float64 {
	var holds, all time.Duration
	for i, s := range sights {
		if !s.At.Before(end) {
			break
		}
		until := end
		if i+1 < len(sights) && sights[i+1].At.Before(end) {
			until = sights[i+1].At
		}
		all += until.Sub(s.At)
		if ok(s) {
			holds += until.Sub(s.At)
		}
	}
	if all == 0 {
		return 0
	}
	return float64(holds) / float64(all)
}

// checkBefore makes sure that the verdict is not an old one.
func (f *Finding) checkBefore(s Story, e Expectation) {
	for _, sight := range s.Sights {
		before := sight.At.Before(s.Fault)
		switch {
		case before && sight.Conn.Status > max(judge.Caution, e.Before):
			f.problem("before the fault %v because of %v", sight.Conn.Status, sight.Conn.Cause)
			return
		case before && s.Fault.Sub(sight.At) <= quietBefore && e.met(sight) && (len(e.Flags) == 0 || e.raised(sight)):
			f.problem("%v because of %v %v before the fault", sight.Conn.Status, sight.Conn.Cause, s.Fault.Sub(sight.At))
			return
		}
	}
}

// checkNever makes sure that no verdict is too bad.
func (f *Finding) checkNever(s Story, e Expectation) {
	for _, sight := range s.Sights {
		if e.Never > 0 && sight.Conn.Status >= e.Never {
			f.problem("%v because of %v", sight.Conn.Status, sight.Conn.Cause)
			return
		}
	}
}

// recover determines when the connection was back to its status before the fault: HEALTHY, or CAUTION if it was CAUTION
// before or is a bulk sender, which may be CAUTION while healthy.
func (f *Finding) recover(s Story) {
	alive, ok := signOfLife(s)
	if !ok {
		f.problem("no sign of life after the repair")
		return
	}
	const bulk = 1 << 16 // bytes queued
	usual, last := judge.Healthy, -1
	for i, sight := range s.Sights {
		switch {
		case sight.At.Before(s.Fault):
			usual = min(judge.Caution, max(usual, sight.Conn.Status))
			if sight.Conn.Row.SendQueue >= bulk {
				usual = judge.Caution
			}
		case sight.Conn.Status > usual:
			last = i
		}
	}
	if last+1 >= len(s.Sights) {
		f.problem("not %v at the end, %v after the first sign of life: %v because of %v, %v", usual, s.Sights[len(s.Sights)-1].At.Sub(alive).Round(time.Millisecond),
			s.Sights[last].Conn.Status, s.Sights[last].Conn.Cause, slices.Collect(s.Sights[last].Conn.Flags.All()))
		return
	}
	f.Recovered = max(0, s.Sights[last+1].At.Sub(alive))
	if limit := recoveryLimit(s.Interval); f.Recovered > limit {
		f.problem("%v %v after the first sign of life, limit %v", usual, f.Recovered.Round(time.Millisecond), limit)
	}
}

// signOfLife returns when the first progress was made after the repair: something was acknowledged, or, if nothing had
// to be, the peer was heard of.
func signOfLife(s Story) (time.Time, bool) {
	var acked uint64
	waiting := false
	for _, sight := range s.Sights {
		row := &sight.Conn.Row
		info := &row.Info
		if sight.At.Before(s.Repaired) {
			acked, waiting = info.BytesAcked(), info.Unacked() > 0
			continue
		}
		ago := min(info.LastAckRecv(), info.LastDataRecv())
		if waiting {
			ago = info.LastAckRecv()
		}
		heard := sight.At.Add(-time.Duration(ago) * time.Millisecond)
		if row.State != sampler.StateSynSent && heard.After(s.Repaired) && (!waiting || info.BytesAcked() > acked) {
			return heard, true
		}
	}
	return time.Time{}, false
}
