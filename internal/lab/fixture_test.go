package lab

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
)

// fixtures reads those that were recorded on a kernel.
func fixtures(t *testing.T, kernel string) []*Fixture {
	t.Helper()
	diagtest.NeedsRecordings(t)
	paths, err := filepath.Glob(filepath.Join("testdata", kernel, "*"+fixtureEnding))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no fixtures of %s: make fixtures", kernel)
	}
	var all []*Fixture
	for _, path := range paths {
		f, err := ReadFixture(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// kernels are those that have fixtures.
func kernels(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, dir := range dirs {
		all = append(all, filepath.Base(dir))
	}
	return all
}

// scenarioOf finds the scenario of a fixture.
func scenarioOf(t *testing.T, f *Fixture) *Scenario {
	t.Helper()
	all := slices.Concat(Healthy(), Failing())
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == f.Scenario })
	if i < 0 {
		t.Fatalf("there is no scenario %q any more", f.Scenario)
	}
	return &all[i]
}

// TestFixtures judges every recording again.
func TestFixtures(t *testing.T) {
	for _, kernel := range kernels(t) {
		for _, f := range fixtures(t, kernel) {
			t.Run(kernel+"/"+f.Name(), func(t *testing.T) {
				t.Parallel()
				finding, err := f.Judge(scenarioOf(t, f), nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range finding.Problems {
					t.Error(p)
				}
			})
		}
	}
}

// TestFixturesAreComplete makes sure that no scenario is left out.
func TestFixturesAreComplete(t *testing.T) {
	seen := map[string]int{}
	for _, f := range fixtures(t, "6.18") {
		seen[f.Scenario]++
	}
	for _, sc := range slices.Concat(Healthy(), Failing()) {
		if seen[sc.Name] != len(intervalTable) {
			t.Errorf("%s has %d fixtures, want one for each interval", sc.Name, seen[sc.Name])
		}
	}
}

// TestFixturesOnOlderKernels cuts tcp_info to the lengths of older kernels. A verdict may be later there, or missing, but
// never wrong: no false alarm, and no cause that the whole row would not name at some time.
func TestFixturesOnOlderKernels(t *testing.T) {
	for _, f := range fixtures(t, "6.18") {
		sc := scenarioOf(t, f)
		causes := causesOf(t, f)
		for _, size := range infoSizeTable {
			if size < sc.MinInfo {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", f.Name(), size), func(t *testing.T) {
				t.Parallel()
				cut := *f
				var err error
				if cut.Tape, err = cutInfo(f.Tape, size); err != nil {
					t.Fatal(err)
				}
				said, others, err := cut.Play(nil)
				if err != nil {
					t.Fatal(err)
				}
				requireNoFalseAlarm(t, sc, f, slices.Concat(said, others))
				for _, s := range said {
					if s.Conn.Status > judge.Caution && !causes[s.Conn.Cause] {
						t.Fatalf("%v because of %v, which the whole row never says: %s", s.Conn.Status, s.Conn.Cause, diagtest.Describe(&s.Conn.Row))
					}
				}
			})
		}
	}
}

// requireNoFalseAlarm looks at what was said before anything was broken.
func requireNoFalseAlarm(t *testing.T, sc *Scenario, f *Fixture, sights []Sight) {
	t.Helper()
	calm := sights
	if !sc.Healthy() {
		calm = slices.DeleteFunc(slices.Clone(sights), func(s Sight) bool { return !s.At.Before(f.Fault) })
	}
	if sc.Expect.Before > judge.Caution || len(calm) == 0 {
		return
	}
	for _, p := range JudgeHealthy(calm, f.Interval).Problems {
		t.Error(p)
	}
}

// causesOf returns all causes that are named of a fixture.
func causesOf(t *testing.T, f *Fixture) map[judge.Cause]bool {
	t.Helper()
	said, _, err := f.Play(nil)
	if err != nil {
		t.Fatal(err)
	}
	causes := map[judge.Cause]bool{}
	for _, s := range said {
		causes[s.Conn.Cause] = true
		for flag := range s.Conn.Flags.All() {
			causes[flag.Cause()] = true
		}
	}
	return causes
}

func TestFixtureRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := &Fixture{Scenario: "Some: thing, 1.5 s", Interval: 250 * ms, Port: 4711, Tape: []byte("line\nanother\n")}
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFixture(filepath.Join(dir, "some-thing-1.5-s-at-250ms"+fixtureEnding))
	if err != nil {
		t.Fatal(err)
	}
	if got.Scenario != want.Scenario || got.Interval != want.Interval || got.Port != want.Port || string(got.Tape) != string(want.Tape) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := ReadFixture(filepath.Join(dir, "missing")); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a missing file: %v", err)
	}
}
