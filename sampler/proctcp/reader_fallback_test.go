package proctcp

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// preferred is a source with one socket, unless it is refused.
type preferred struct {
	sampler.Source

	refused error
}

func (p *preferred) dial() (sampler.Source, error) { return p, p.refused }

// Dump implements [sampler.Source].
func (p *preferred) Dump(sink sampler.Sink) (sampler.Dump, error) {
	sink(time.Now(), make([]sampler.Socket, 1))

	return sampler.Dump{Sockets: 1}, nil
}

// TestFallback: files are read while the preferred source is refused, each change is reported
// once, and other errors are no reason.
func TestFallback(t *testing.T) {
	p := &preferred{refused: syscall.EACCES}

	var changes []error

	f := &Fallback{
		Dial: p.dial, Dir: dirOf(t, map[string][]string{"tcp": {busyRow, busyRow}, "tcp6": {}}),
		Changed: func(reason error) { changes = append(changes, reason) },
	}
	sockets := func(s sampler.Source) int {
		d, err := s.Dump(func(time.Time, []sampler.Socket) {})
		must(t, err)

		return d.Sockets
	}

	source, err := f.Open()
	must(t, err)

	if got := sockets(source); got != 2 || len(changes) != 1 || !errors.Is(changes[0], syscall.EACCES) {
		t.Errorf("%d sockets, changes %v", got, changes)
	}

	must(t, source.Close())
	source, err = f.Open()
	must(t, err)

	p.refused = nil

	if got := sockets(source); got != 2 || len(changes) != 1 {
		t.Errorf("%d sockets before the next attempt, changes %v", got, changes)
	}

	source.(*replacement).next = time.Now()

	if got := sockets(source); got != 1 || len(changes) != 2 || changes[1] != nil {
		t.Errorf("%d sockets after the next attempt, changes %v", got, changes)
	}

	p.refused = syscall.EMFILE

	if _, err := f.Open(); !errors.Is(err, syscall.EMFILE) || len(changes) != 2 {
		t.Errorf("%v, changes %v", err, changes)
	}

	p.refused, f.Dir = syscall.EPROTONOSUPPORT, filepath.Join(t.TempDir(), "none")

	if _, err := f.Open(); !errors.Is(err, syscall.EPROTONOSUPPORT) || !errors.Is(err, syscall.ENOENT) || len(changes) != 2 {
		t.Errorf("%v, changes %v", err, changes)
	}
}
