package owner

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// answerAge is the maximum age of what is known about a process: another one may get
	// its number.
	answerAge = time.Minute
	// maxProcessFile is the maximum size of /proc/PID/cgroup in bytes.
	maxProcessFile = 1 << 16
)

// processes finds the cgroups of processes. It is safe for concurrent use.
type processes struct {
	proc   string
	wanted chan struct{}

	mutex   sync.Mutex // held for a single access
	asked   map[int]struct{}
	answers map[int]answer
}

// answer is the path of a process's cgroup, empty for none, when it was read.
type answer struct {
	path string
	at   time.Time
}

func newProcesses(proc string) *processes {
	return &processes{proc: proc, wanted: make(chan struct{}, 1), asked: make(map[int]struct{}), answers: make(map[int]answer)}
}

// of returns the path of the cgroup of a process, empty for none, and reports whether that is
// known yet. It never reads.
func (p *processes) of(pid int, now time.Time) (path string, known bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()

	if a, ok := p.answers[pid]; ok && now.Sub(a.at) < answerAge {
		return a.path, true
	}

	if len(p.asked) < maxUnknown {
		p.asked[pid] = struct{}{}
	}

	select {
	case p.wanted <- struct{}{}:
	default:
	}

	return "", false
}

// run reads the cgroups of processes in the background until ctx is done.
func (p *processes) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wanted:
			p.update(time.Now())
		}
	}
}

// update answers what was asked, and forgets old answers.
func (p *processes) update(now time.Time) {
	p.mutex.Lock()
	asked := p.asked
	p.asked = make(map[int]struct{})
	maps.DeleteFunc(p.answers, func(_ int, a answer) bool { return now.Sub(a.at) >= answerAge })
	p.mutex.Unlock()

	for pid := range asked {
		path, _ := ParseProcess(p.read(pid))

		p.mutex.Lock()
		p.answers[pid] = answer{path, now}
		p.mutex.Unlock()
	}
}

// read returns the contents of /proc/PID/cgroup, nothing if the process is gone.
func (p *processes) read(pid int) string {
	file, err := os.Open(filepath.Join(p.proc, strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return ""
	}
	defer file.Close()

	text, _ := io.ReadAll(io.LimitReader(file, maxProcessFile))

	return string(text)
}

// controllerTable has the hierarchies of cgroup v1 that are asked for the path of a process,
// best first.
var controllerTable = []string{"name=systemd", "pids", "memory", "cpu"}

// ParseProcess returns the path of a process's cgroup from the text of /proc/PID/cgroup, for
// [OfPath], and reports whether there is one. Of several hierarchies it returns the path in
// that of cgroup v2, in the named one of systemd, or in that of pids, memory or cpu: the first
// in which the process is not in the root.
func ParseProcess(text string) (path string, ok bool) {
	paths := make(map[string]string)

	for line := range strings.Lines(text) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, _ := strings.Cut(rest, ":")

		if _, err := strconv.ParseUint(id, 10, 32); err != nil || !strings.HasPrefix(path, "/") {
			continue
		}

		for name := range strings.SplitSeq(controllers, ",") {
			paths[name] = strings.TrimSuffix(path, " (deleted)")
		}
	}

	for _, name := range append([]string{""}, controllerTable...) {
		if path := paths[name]; path != "" && path != "/" {
			return path, true
		}
	}

	if len(paths) == 0 {
		return "", false
	}

	return "/", true
}
