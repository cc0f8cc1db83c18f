package lab

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

var (
	full      = flag.Bool("lab.full", false, "run all seeds of all scenarios to their end, and print the table")
	seeds     = flag.Int("lab.seeds", 5, "seeds of a failing scenario with -lab.full")
	recordDir = flag.String("lab.record", "", "directory for the recordings of the first seed")
	show      = flag.Bool("lab.show", false, "show what was said in runs that met every expectation, too")
	slots     = flag.Int("lab.slots", 8, "scenarios that run side by side")
)

// TestMain has scenarios run side by side whatever the number of cores: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(*slots)); err != nil {
		panic(err)
	}
	m.Run()
}

// paceOf is full, or what every test run can afford.
func paceOf() Pace {
	if *full {
		return Pace{Warm: 5 * time.Second, Healthy: time.Minute, Recover: true}
	}
	return Pace{Warm: 3500 * time.Millisecond, Healthy: 8 * time.Second, FaultFor: 6500 * time.Millisecond}
}

// TestLab runs the scenarios.
func TestLab(t *testing.T) {
	netlab.RequireRoot(t)
	var table Table
	t.Run("all", func(t *testing.T) {
		for _, sc := range append(Healthy(), Failing()...) {
			if sc.Exclusive {
				continue
			}
			for seed := range seedsOf(&sc) {
				t.Run(fmt.Sprintf("%s/%d", sc.Name, seed), func(t *testing.T) {
					t.Parallel()
					table.add(playUndisturbed(t, &sc, uint64(seed)))
				})
			}
		}
	})
	for _, sc := range Healthy() {
		if sc.Exclusive {
			t.Run(sc.Name, func(t *testing.T) { table.add(playUndisturbed(t, &sc, 0)) })
		}
	}
	if *full {
		fmt.Print(table.String())
	}
}

func seedsOf(sc *Scenario) int {
	if *full && !sc.Healthy() {
		return *seeds
	}
	return 1
}

// playUndisturbed runs a scenario, again if the lab itself stalled.
func playUndisturbed(t *testing.T, sc *Scenario, seed uint64) *Run {
	const attempts = 4
	for attempt := 1; ; attempt++ {
		var run *Run
		t.Run("run", func(t *testing.T) { run = Play(t, sc, seed, paceOf()) })
		if run == nil {
			t.FailNow()
		}
		run.Attempts = attempt
		if len(run.Problems()) > 0 && run.Disturbed() && attempt < attempts {
			t.Logf("again, for the lab was disturbed: %v", run)
			continue
		}
		for _, p := range run.Problems() {
			t.Error(p)
		}
		if t.Failed() || *show {
			for _, timeline := range run.Timelines {
				t.Log(timeline)
			}
		}
		keep(t, run)
		return run
	}
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// keep writes the recordings of a run.
func keep(t *testing.T, run *Run) {
	if *recordDir == "" || run.Seed != 0 {
		return
	}
	for interval, tape := range run.Tapes {
		name := fmt.Sprintf("%s.%v.rec", strings.Trim(unfit.ReplaceAllString(strings.ToLower(run.Scenario.Name), "-"), "-"), interval)
		if err := os.WriteFile(filepath.Join(*recordDir, name), tape, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Table collects what all runs came to.
type Table struct {
	mu   sync.Mutex
	runs []*Run
}

func (t *Table) add(r *Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs = append(t.runs, r)
}

func (t *Table) String() string {
	var b strings.Builder
	for _, r := range t.runs {
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "%-60s %d %6v %8v %-14v %v %8v %d %d\n", r.Scenario.Name, r.Seed, f.Interval, f.Detected.Round(time.Millisecond), f.Cause, f.Flags, f.Recovered.Round(time.Millisecond), r.Attempts, len(f.Problems))
		}
	}
	return b.String()
}
