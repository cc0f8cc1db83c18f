package lab

import (
	"fmt"
	"slices"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// Sight is what a watcher said of a connection at a time.
type Sight struct {
	At   time.Time
	Conn health.Connection
}

// Story is all that one watcher said of the connection of a scene.
type Story struct {
	Interval time.Duration
	Sights   []Sight
	// Fault is when the fault was made, Seen since when it can be seen, Repaired when it was mended. They are unset in a
	// healthy scenario. End is when the scene was over.
	Fault, Seen, Repaired, End time.Time
	Whole                      bool // The story goes on to the recovery.
}

// Finding is the comparison of a story with what was expected.
type Finding struct {
	Interval time.Duration
	// Detected is how long after the fault could be seen the expected verdict was there, negative if it never was.
	Detected time.Duration
	Cause    health.Cause
	Flags    []health.Flag
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

// JudgeHealthy looks for false alarms: anything worse than CAUTION, and any flag that speaks of death.
func JudgeHealthy(sights []Sight, interval time.Duration) Finding {
	f := Finding{Interval: interval, Detected: -1}
	if len(sights) == 0 {
		f.problem("nothing was seen")
	}
	for _, s := range sights {
		dead := slices.Collect(deadFlags(s.Conn.Flags))
		if s.Conn.Status <= health.Caution && len(dead) == 0 {
			continue
		}
		f.problem("%s %v because of %v, %v: %v", s.At.Format("05.000"), s.Conn.Status, s.Conn.Cause,
			slices.Collect(s.Conn.Flags.All()), Describe(&s.Conn.Row))
		if len(f.Problems) > maxProblems {
			break
		}
	}
	return f
}

// maxProblems bounds what is said of one run.
const maxProblems = 4

func deadFlags(flags health.Flags) func(yield func(health.Flag) bool) {
	return func(yield func(health.Flag) bool) {
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
	limit := e.Limit
	if s.Interval < time.Second && e.Fast > 0 {
		limit = e.Fast
	}
	f.detect(s, e)
	switch {
	case f.Detected < 0:
		f.problem("%v because of %v was never said", e.Status, e.Causes)
	case f.Detected > limit:
		f.problem("detected after %v, limit %v", f.Detected.Round(time.Millisecond), limit)
	}
	f.checkBefore(s, e)
	f.checkNever(s, e)
	for _, then := range e.Then {
		further := Judge(s, then)
		f.Problems = append(f.Problems, further.Problems...)
	}
	if s.Whole {
		f.recover(s)
	}
	return f
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
	if !slices.ContainsFunc(s.Sights[first:], e.raised) && len(e.Flags) > 0 {
		f.problem("none of %v was raised", e.Flags)
	}
}

// met tells whether a sight has the expected verdict.
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
		case before && sight.Conn.Status > health.Caution:
			f.problem("before the fault %v because of %v", sight.Conn.Status, sight.Conn.Cause)
			return
		case before && s.Fault.Sub(sight.At) <= quietBefore && e.met(sight):
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

// recover finds out when the connection was HEALTHY again.
func (f *Finding) recover(s Story) {
	alive, ok := signOfLife(s)
	if !ok {
		f.problem("no sign of life after the repair")
		return
	}
	last := -1
	for i, sight := range s.Sights {
		if sight.Conn.Status != health.Healthy {
			last = i
		}
	}
	if last+1 >= len(s.Sights) {
		f.problem("not HEALTHY at the end, %v after the first sign of life: %v because of %v, %v", s.End.Sub(alive).Round(time.Millisecond),
			s.Sights[last].Conn.Status, s.Sights[last].Conn.Cause, slices.Collect(s.Sights[last].Conn.Flags.All()))
		return
	}
	f.Recovered = s.Sights[last+1].At.Sub(alive)
	if limit := recoveryLimit(s.Interval); f.Recovered > limit {
		f.problem("HEALTHY %v after the first sign of life, limit %v", f.Recovered.Round(time.Millisecond), limit)
	}
}

// signOfLife returns when the peer was first heard of after the repair.
func signOfLife(s Story) (time.Time, bool) {
	for _, sight := range s.Sights {
		info := &sight.Conn.Row.Info
		if sight.Conn.Row.State == sampler.StateSynSent {
			continue
		}
		ago := time.Duration(min(info.LastAckRecv(), info.LastDataRecv())) * time.Millisecond
		if heard := sight.At.Add(-ago); heard.After(s.Repaired) {
			return heard, true
		}
	}
	return time.Time{}, false
}
