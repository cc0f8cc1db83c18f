package lab

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Pace says how long the parts of a run take.
type Pace struct {
	Warm     time.Duration // What comes before a fault.
	Healthy  time.Duration // The length of a healthy scenario.
	FaultFor time.Duration // The longest fault, 0 for what the scenario wants.
	Recover  bool          // Whether to wait for the recovery.
	Netem    bool          // Lay paths through netem, where the scenario allows it.
	// Elsewhere: the exporter is in another network namespace than the connections.
	Elsewhere bool
}

// Run is what came of a scenario.
type Run struct {
	Scenario *Scenario
	Seed     uint64
	Findings []Finding // One for each interval.
	Fixtures []Fixture // One for each interval.
	Stalls   int
	// Timelines are what the watchers said.
	Timelines []string
	Attempts  int // The runs it took, disturbed ones included.
}

// Disturbed reports whether the lab itself was late, so that the run says nothing.
func (r *Run) Disturbed() bool { return r.Stalls > 0 }

// Problems returns all problems of all watchers.
func (r *Run) Problems() (all []string) {
	for _, f := range r.Findings {
		for _, p := range f.Problems {
			all = append(all, fmt.Sprintf("at %v: %s", f.Interval, p))
		}
	}
	return all
}

// Play runs a scenario.
func Play(tb testing.TB, sc *Scenario, seed uint64, pace Pace) *Run {
	tb.Helper()
	s := newScene(tb, sc, seed, pace.Netem)
	sc.Traffic(s)
	start := time.Now()
	var watchers []*watcher
	for _, interval := range intervalTable {
		// The phase of the watchers to each other, and of the fault to both, is by chance.
		time.Sleep(time.Duration(s.rand.Int64N(int64(200 * time.Millisecond))))
		watchers = append(watchers, newWatcher(tb, s.near, pace.Elsewhere, interval, func() uint16 { return uint16(s.subject.Load()) }, s.disturbance(start, pace, interval)))
	}
	if sc.Healthy() {
		time.Sleep(pace.Healthy)
	} else {
		s.fail(pace)
	}
	run := &Run{Scenario: sc, Seed: seed, Stalls: s.Stalls()}
	for _, w := range watchers {
		s.settle(w, pace)
		w.stop()
		run.Findings = append(run.Findings, s.judge(w))
		run.Fixtures = append(run.Fixtures, Fixture{
			Marks: s.marks, Scenario: sc.Name, Interval: w.interval, Port: w.notes.subject(), Tape: w.tape.Bytes(),
		})
		said, _ := w.sights()
		run.Timelines = append(run.Timelines, fmt.Sprintf("at %v:\n%s", w.interval, Timeline(said, s.origin(start))))
	}
	return run
}

// disturbance has the watchers stand still in the middle, or come late, as the scenario wants.
func (s *Scene) disturbance(start time.Time, pace Pace, interval time.Duration) disturbance {
	chance := rand.New(rand.NewPCG(s.rand.Uint64(), 0))
	paused := s.Pause == 0
	return func() time.Duration {
		if !paused && time.Since(start) > pace.Healthy/2 {
			paused = true
			return s.Pause
		}
		if s.Late > 0 {
			return time.Duration(chance.Float64() * float64(s.Late) * float64(interval) / float64(time.Second))
		}
		return 0
	}
}

// fail breaks the path and mends it.
func (s *Scene) fail(pace Pace) {
	time.Sleep(pace.Warm + time.Duration(s.rand.Int64N(int64(time.Second))))
	s.noteDropped()
	s.marks.Fault = time.Now()
	s.Fault(s)
	s.marks.Seen = s.awaitSeen()
	length := s.FaultFor
	if length == 0 {
		length = 10 * time.Second
	}
	if pace.FaultFor > 0 {
		length = min(length, pace.FaultFor)
	}
	time.Sleep(time.Until(s.marks.Seen.Add(length)))
	s.marks.Repaired, s.marks.Whole = time.Now(), pace.Recover
	if s.Repair != nil {
		s.Repair(s)
	}
}

// awaitSeen waits for the moment from which on the fault can be seen.
func (s *Scene) awaitSeen() time.Time {
	const patience = 30 * time.Second
	if s.Seen == nil {
		return s.marks.Fault
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if s.Seen(s) {
			return time.Now()
		}
	}
	s.tb.Errorf("%s: the fault could not be seen", s.Name)
	return s.marks.Fault
}

// settle waits for the recovery.
func (s *Scene) settle(w *watcher, pace Pace) {
	if s.Healthy() || !pace.Recover {
		return
	}
	const patience = 40 * time.Second // The next retransmission may be that far away.
	deadline := s.marks.Repaired.Add(patience + recoveryLimit(w.interval))
	for time.Now().Before(deadline) {
		said, _ := w.sights()
		if alive, ok := signOfLife(Story{Marks: s.marks, Sights: said}); ok && time.Since(alive) > recoveryLimit(w.interval)+w.interval {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// judge compares what a watcher said with what it should have said.
func (s *Scene) judge(w *watcher) Finding {
	said, others := w.sights()
	f := JudgeRun(s.Scenario, s.marks, w.interval, said, others)
	for _, err := range w.failed {
		f.problem("sampling: %v", err)
	}
	return f
}

// origin is the moment that times are counted from.
func (s *Scene) origin(start time.Time) time.Time {
	if s.Healthy() {
		return start
	}
	return s.marks.Seen
}

// String renders the run for people.
func (r *Run) String() string {
	return fmt.Sprintf("%s, seed %d, %d stalls: %s", r.Scenario.Name, r.Seed, r.Stalls, strings.Join(r.Problems(), "; "))
}
