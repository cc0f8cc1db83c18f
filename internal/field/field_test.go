package field

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tcphealth_exporter/internal/lab"
	"tcphealth_exporter/internal/netlab"
)

var (
	full  = flag.Bool("field.full", false, "run all rows at full length, and print the table")
	slots = flag.Int("field.slots", 8, "rows that run side by side")
	only  = flag.String("field.only", "", "run the rows only whose names match this regular expression")
	show  = flag.Bool("field.show", false, "show the timelines of all connections")
)

// TestMain has rows run side by side whatever the number of cores: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(*slots)); err != nil {
		panic(err)
	}
	code := m.Run()
	template.remove()
	if code != 0 {
		os.Exit(code)
	}
}

// lengths are those of the parts of a row.
type lengths struct{ warm, healthy, fault time.Duration }

func lengthsOf() lengths {
	if *full {
		return lengths{6 * time.Second, 30 * time.Second, 10 * time.Second}
	}
	return lengths{4 * time.Second, 15 * time.Second, 6 * time.Second}
}

// collected has the outcomes of all rows.
type collected struct {
	mu  sync.Mutex
	all []*outcome
}

func (c *collected) add(o *outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, o)
}

// TestField runs the rows.
func TestField(t *testing.T) {
	requireAll(t)
	var c collected
	t.Run("rows", func(t *testing.T) {
		for i := range rowTable {
			if r := &rowTable[i]; selected(r) && r.where&exclusive == 0 {
				t.Run(r.String(), func(t *testing.T) {
					t.Parallel()
					c.add(undisturbed(t, r))
				})
			}
		}
	})
	for i := range rowTable {
		if r := &rowTable[i]; selected(r) && r.where&exclusive != 0 {
			t.Run(r.String(), func(t *testing.T) { c.add(undisturbed(t, r)) })
		}
	}
	if *full {
		fmt.Print(markdown(c.all))
	}
}

func selected(r *row) bool {
	return (*full || r.where&short != 0) && regexp.MustCompile(*only).MatchString(r.String()) && available(r)
}

// available reports whether the kernel has what a row needs.
func available(r *row) bool {
	const control = "/proc/sys/net/ipv4/tcp_available_congestion_control"
	names, _ := os.ReadFile(control)
	name, chosen := r.congestion()
	return !chosen || slices.Contains(strings.Fields(string(names)), name)
}

// congestion returns the congestion control that a program chooses.
func (r *row) congestion() (name string, chosen bool) {
	_, name, chosen = strings.Cut(r.name, " -C ")
	return name, chosen
}

// run starts the programs.
func (r *row) run(w *world) {
	if _, chosen := r.congestion(); !chosen {
		w.useCubic()
	}
	r.start(w)
}

// requireAll requires the programs of all rows that run.
func requireAll(t *testing.T) {
	t.Helper()
	netlab.RequireRoot(t)
	for i := range rowTable {
		if r := &rowTable[i]; selected(r) {
			for _, tool := range r.tools {
				netlab.RequireTool(t, tool)
			}
		}
	}
	if postgresBin() == "" {
		netlab.RequireTool(t, "postgres")
	}
}

// undisturbed runs a row, again if the path itself was late. The short form, which shares the machine with whatever else is
// tested, gives each row a second chance.
func undisturbed(t *testing.T, r *row) *outcome {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		var o *outcome
		t.Run("run", func(t *testing.T) { o = play(t, r) })
		if o == nil {
			t.FailNow()
		}
		o.attempts = attempt
		again := o.stalls > 0 || !*full && attempt == 1
		if len(o.problems) > 0 && again && attempt < attempts {
			t.Logf("again, after %d stalls: %s", o.stalls, strings.Join(o.problems, "; "))
			continue
		}
		for _, p := range o.problems {
			t.Error(p)
		}
		for _, timeline := range o.timelines {
			t.Log(timeline)
		}
		return o
	}
}

// play runs a row once.
func play(t *testing.T, r *row) *outcome {
	w := newWorld(t, netlab.New(t), r, 1)
	r.run(w)
	began := time.Now()
	seer := watch(t, w.near)
	var m lab.Marks
	length := lengthsOf()
	if r.fault == nil {
		time.Sleep(length.healthy)
	} else {
		time.Sleep(length.warm + time.Duration(rand.Int64N(int64(time.Second))))
		m = w.fail(r.fault, length.fault)
	}
	seer.stop()
	o := judgeRow(r, m, began, seer.seen)
	o.stalls = w.stalls()
	for _, err := range seer.failed {
		o.problem("sampling: %v", err)
	}
	if *show {
		for _, sights := range seer.seen {
			t.Logf("%v -> %v\n%s", sights[0].Conn.Row.Local, sights[0].Conn.Row.Remote, lab.Timeline(sights, began))
		}
	}
	return o
}
