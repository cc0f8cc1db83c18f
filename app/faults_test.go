package app

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/faults"
	"tcphealth_exporter/internal/netlab"
)

var everyFault = flag.Int("faults.every", 1, "make only every n-th system call fail")

// The phases of a run.
const (
	starting  = "start"
	running   = "run"
	reloading = "reload"
	calm      = "calm" // no call fails
	stopping  = "stop"
)

// outcome is the effect of a failed system call.
type outcome string

const (
	notReached outcome = "not reached"          // the call did not take place
	silent     outcome = "up"                   // no visible effect
	logged     outcome = "up, logged"           // with a warning or an error
	ended      outcome = "ended with one error" // with exit status 1 or 2
	goEnded    outcome = "ended by the Go runtime"
	wrong      outcome = "wrong"
)

// life is one run of the program through all phases, with at most one failed call.
type life struct {
	faults.Injector

	base   string
	client *http.Client
	stderr netlab.Output
	cmd    *exec.Cmd
	ended  chan struct{}
	// resources has the numbers of goroutines and file descriptors after the fault.
	resources map[string]float64
}

// liveOnce runs the program through all phases, at an address of its own. It returns an
// error if the program misbehaves.
func liveOnce(binary, dir, address string, point faults.Point) (*life, error) {
	l := &life{
		Injector: faults.Injector{Fail: point},
		base:     "http://" + address,
		client:   &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}},
		ended:    make(chan struct{}),
	}

	config := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(config, []byte(calmConfig), 0o600); err != nil {
		return nil, err
	}

	l.cmd = exec.Command(binary, "--web.listen-address="+address, "--config.file="+config, "--sampler.record="+filepath.Join(dir, "recording"),
		"--sampler.interval=50ms", "--sampler.max-cpu=0", "--health.window=1s")
	l.cmd.Stderr, l.cmd.Stdout = &l.stderr, &l.stderr

	l.Phase(starting)

	if err := faults.Start(l.cmd, &l.Injector); err != nil {
		return nil, err
	}
	defer func() { _ = l.cmd.Process.Kill() }()

	go func() {
		_ = l.cmd.Wait()
		close(l.ended)
	}()

	for _, step := range []func() error{l.start, l.run, l.reload, l.calm, l.stop} {
		if err := step(); err != nil {
			return l, err
		}

		if l.hasEnded() {
			break
		}
	}

	return l, nil
}

func (l *life) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// await waits until the condition holds or the program has ended.
func (l *life) await(what string, condition func() bool) error {
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if l.hasEnded() {
			return nil
		}

		if time.Now().After(deadline) {
			return errors.New("no " + what)
		}
	}

	return nil
}

// get returns the body of a successful answer, or an empty string.
func (l *life) get(path string) string {
	response, err := l.client.Get(l.base + path)
	if err != nil {
		return ""
	}
	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}

	return string(body)
}

// logged returns how often a text occurs in the log.
func (l *life) logged(text string) int { return strings.Count(l.stderr.String(), text) }

func (l *life) start() error {
	return l.await("first sample", func() bool { return l.get("/-/ready") != "" })
}

// run sends the usual requests of clients. A request may fail.
func (l *life) run() error {
	l.Phase(running)

	for range 3 {
		l.get("/metrics")
		l.get(connectionsPath)
	}

	return nil
}

func (l *life) reload() error {
	l.Phase(reloading)

	before, began := l.logged("configuration loaded"), time.Now()
	_ = l.cmd.Process.Signal(syscall.SIGHUP)

	return l.await("reload", func() bool {
		unlogged := l.Failed() != nil && l.Failed().Call == "write" && time.Since(began) > time.Second

		return unlogged || l.logged("configuration loaded") > before || l.logged("reloading the configuration failed") > 0
	})
}

// calm waits until the program works again, and counts what it holds.
func (l *life) calm() error {
	l.Phase(calm)

	ticks := func() float64 { return number(l.get("/metrics"), "tcphealth_sampler_tick_duration_seconds_count") }

	var first float64
	if err := l.await("metrics", func() bool { first = ticks(); return first > 0 }); err != nil {
		return err
	}

	if err := l.await("more samples", func() bool { return ticks() > first }); err != nil {
		return err
	}

	if !l.hasEnded() && l.get("/-/healthy") == "" {
		return errors.New("not healthy")
	}

	l.count()

	return nil
}

// count records the resources of the idle program: the minimum of several readings.
func (l *life) count() {
	l.resources = make(map[string]float64)

	for range 10 {
		body := l.get("/metrics")

		for _, name := range []string{"go_goroutines", "process_open_fds"} {
			if n := number(body, name); n > 0 {
				l.resources[name] = min(n, cmp.Or(l.resources[name], n))
			}
		}

		time.Sleep(20 * time.Millisecond)
	}
}

// number returns the value of a series, or 0 if it is missing.
func number(body, series string) (n float64) {
	for line := range strings.Lines(body) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			_, _ = fmt.Sscan(text, &n)
		}
	}

	return n
}

func (l *life) stop() error {
	l.Phase(stopping)
	_ = l.cmd.Process.Signal(syscall.SIGTERM)

	select {
	case <-l.ended:
		return nil
	case <-time.After(patience):
		return errors.New("SIGTERM did not end the program")
	}
}

// outcome determines the outcome of a run from its exit status, its log and its resources.
// most has the maximum resources of a run without a fault.
func (l *life) outcome(most map[string]float64) (outcome, string) {
	code, failure, text := l.cmd.ProcessState.ExitCode(), l.Failed(), l.stderr.String()
	errorLines := strings.Count(text, program+": error: ")
	crashed := strings.Contains(text, "fatal error: ") || strings.HasPrefix(text, "runtime: ") || strings.Contains(text, "\ngoroutine ")

	for name, n := range l.resources {
		if n > most[name]+1 { // a scrape or two may be in progress
			return wrong, fmt.Sprintf("%v %s, %v without the fault", n, name, most[name])
		}
	}

	switch {
	case failure == nil:
		return notReached, ""
	case crashed && ofRuntime(failure):
		return goEnded, ""
	case crashed:
		return wrong, "crashed"
	case (code == exitFailure || code == exitUsage) && errorLines == 1:
		return ended, ""
	case code != exitOK || errorLines > 0:
		return wrong, fmt.Sprintf("ended with %d and %d errors", code, errorLines)
	case l.logged("level=warn")+l.logged("level=error") > 0:
		return logged, ""
	default:
		return silent, ""
	}
}

// ofRuntime reports whether a call is one that the Go runtime makes for itself, whose
// failure no Go program survives.
func ofRuntime(f *faults.Failure) bool {
	return slices.Contains([]string{"mmap", "clone", "epoll_create1", "eventfd2"}, f.Call) || f.File == "anon_inode:[eventfd]"
}

// TestFaults makes each call of the kinds in package faults fail once. The program must
// recover or exit with one error line, and must not leak goroutines or file descriptors.
// Only failed calls of the Go runtime itself may crash it.
func TestFaults(t *testing.T) {
	path := binary(t)

	var serial atomic.Int32

	try := func(point faults.Point) (*life, error) { // at an address of its own
		n := serial.Add(1)

		return liveOnce(path, t.TempDir(), fmt.Sprintf("127.77.%d.%d:10047", n/250, n%250+1), point)
	}

	calls, most := make(map[faults.Point]bool), make(map[string]float64)

	for range 3 { // calls and resources vary a little
		l, err := try(faults.Point{})
		if err != nil || l.cmd.ProcessState.ExitCode() != exitOK {
			t.Fatalf("without a fault: %v\n%s", err, &l.stderr)
		}

		for _, p := range l.Points() {
			calls[p] = true
		}

		for name, n := range l.resources {
			most[name] = max(most[name], n)
		}
	}

	maps.DeleteFunc(calls, func(p faults.Point, _ bool) bool { return p.Phase == calm })

	points := slices.SortedFunc(maps.Keys(calls), func(a, b faults.Point) int {
		return cmp.Or(cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Call, b.Call), cmp.Compare(a.N, b.N))
	})
	table := make(map[string]map[outcome]int)

	var (
		group sync.WaitGroup
		mutex sync.Mutex
	)

	for worker := range 4 {
		group.Go(func() {
			for i := worker * *everyFault; i < len(points); i += 4 * *everyFault {
				l, err := try(points[i])
				if l == nil {
					t.Error(err)

					return
				}

				<-l.ended

				got, why := l.outcome(most)
				if err != nil {
					got, why = wrong, err.Error()
				}

				if got == wrong {
					t.Errorf("%v: %s\n%s", l.Failed(), why, &l.stderr)
				}

				mutex.Lock()

				for _, row := range []string{points[i].Phase + " " + points[i].Call, "all"} {
					if table[row] == nil {
						table[row] = make(map[outcome]int)
					}

					table[row][got]++
				}

				mutex.Unlock()
			}
		})
	}

	group.Wait()

	for _, row := range slices.Sorted(maps.Keys(table)) {
		t.Logf("%-20s %v", row, table[row])
	}
}
