package proctcp

import (
	"errors"
	"slices"
	"time"

	"tcphealth_exporter/sampler"
)

// retryEvery is the time between two attempts to use the preferred source again.
const retryEvery = time.Minute

// Fallback opens a preferred source, or files where that is refused: by a kernel without
// socket diagnostics, or by a policy. It is for one goroutine.
type Fallback struct {
	// Dial opens the preferred source.
	Dial func() (sampler.Source, error)
	// Dir is a directory such as /proc/self/net, and Config selects its sockets.
	Dir    string
	Config Config
	// Changed is called when files are read from now on, with the reason, and with nil when
	// the preferred source is used again.
	Changed func(reason error)

	fallen bool
}

// Open returns the preferred source, or one that reads files until the preferred one can be
// opened. The error is that of the preferred one.
func (f *Fallback) Open() (sampler.Source, error) {
	source, err := f.dial()
	if err == nil || !slices.Contains([]sampler.Reason{sampler.ReasonUnsupported, sampler.ReasonForbidden}, sampler.ReasonOf(err)) {
		return source, err
	}

	files, filesErr := Open(f.Dir, f.Config)
	if filesErr != nil {
		return nil, errors.Join(err, filesErr)
	}

	if !f.fallen {
		f.fallen = true
		f.Changed(err)
	}

	return &replacement{Source: files, fallback: f, next: time.Now().Add(retryEvery)}, nil
}

// dial opens the preferred source.
func (f *Fallback) dial() (sampler.Source, error) {
	source, err := f.Dial()
	if err == nil && f.fallen {
		f.fallen = false
		f.Changed(nil)
	}

	return source, err
}

// replacement reads files until the preferred source can be opened.
type replacement struct {
	sampler.Source

	fallback *Fallback // nil since then
	next     time.Time
}

// Dump implements [sampler.Source].
func (r *replacement) Dump(sink sampler.Sink) (sampler.Dump, error) {
	if now := time.Now(); r.fallback != nil && !now.Before(r.next) {
		r.next = now.Add(retryEvery)
		r.retry()
	}

	return r.Source.Dump(sink)
}

// retry replaces the files by the preferred source if it can be opened.
func (r *replacement) retry() {
	source, err := r.fallback.dial()
	if err != nil {
		return
	}

	_ = r.Close()
	r.Source, r.fallback = source, nil
}
