package lab

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

var (
	full      = flag.Bool("lab.full", false, "run all seeds of all scenarios to their end, and print the table")
	seeds     = flag.Int("lab.seeds", 5, "seeds of a failing scenario with -lab.full")
	recordDir = flag.String("lab.record", "", "directory for the recordings of the first seed")
	netem     = flag.Bool("lab.netem", false, "lay the paths through the kernel's netem, as a second oracle")
	document  = flag.String("lab.document", "", "file in which to replace the table, with -lab.full")
	elsewhere = flag.Bool("lab.elsewhere", false, "sample from another network namespace, with the help of the broker")
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
		return Pace{Warm: 5 * time.Second, Healthy: time.Minute, Recover: true, Netem: *netem, Elsewhere: *elsewhere}
	}
	return Pace{Warm: 3500 * time.Millisecond, Healthy: 8 * time.Second, FaultFor: 6500 * time.Millisecond, Netem: *netem, Elsewhere: *elsewhere}
}

// TestLab runs the scenarios.
func TestLab(t *testing.T) {
	netlab.RequireRoot(t)
	if *netem {
		netlab.RequireNetem(t)
	}
	var table Table
	t.Run("all", func(t *testing.T) {
		for _, sc := range append(Healthy(), Failing()...) {
			if sc.Exclusive || sc.Long && !*full {
				continue
			}
			for seed := range seedsOf(&sc) {
				t.Run(fmt.Sprintf("%s/%d", sc.Name, seed), func(t *testing.T) {
					t.Parallel()
					table.Add(playUndisturbed(t, &sc, uint64(seed)))
				})
			}
		}
	})
	for _, sc := range Healthy() {
		if sc.Exclusive {
			t.Run(sc.Name, func(t *testing.T) { table.Add(playUndisturbed(t, &sc, 0)) })
		}
	}
	if !*full {
		return
	}
	fmt.Print(table.Markdown())
	if *document != "" {
		replaceBetween(t, *document, "<!-- lab begin -->", "<!-- lab end -->", table.Markdown())
	}
}

func seedsOf(sc *Scenario) int {
	if *full && !sc.Healthy() {
		return *seeds
	}
	return 1
}

// playUndisturbed runs a scenario, again if the lab itself stalled. The short form, which shares the machine with whatever
// else is tested, gives each scenario a second chance.
func playUndisturbed(t *testing.T, sc *Scenario, seed uint64) *Run {
	const attempts = 4
	for attempt := 1; ; attempt++ {
		var run *Run
		t.Run("run", func(t *testing.T) { run = Play(t, sc, seed, paceOf()) })
		if run == nil {
			t.FailNow()
		}
		run.Attempts = attempt
		again := run.Disturbed() || !*full && attempt == 1
		if len(run.Problems()) > 0 && again && attempt < attempts {
			t.Logf("again: %v", run)
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

// keep writes the recordings of a run.
func keep(t *testing.T, run *Run) {
	if *recordDir == "" || run.Seed != 0 {
		return
	}
	for i := range run.Fixtures {
		if err := run.Fixtures[i].Write(*recordDir); err != nil {
			t.Fatal(err)
		}
	}
}

// replaceBetween replaces what stands between two markers in a file.
func replaceBetween(t *testing.T, path, begin, end, text string) {
	t.Helper()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, hasBegin := strings.Cut(string(all), begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		t.Fatalf("%s has no place for the table, between %s and %s", path, begin, end)
	}
	if err := os.WriteFile(path, []byte(before+begin+"\n\n"+text+"\n"+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
