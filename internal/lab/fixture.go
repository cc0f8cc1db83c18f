package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// Fixture is a recording of a run, with what is needed to judge it again without a kernel, without root, and at once.
type Fixture struct {
	Marks
	Scenario string        `json:"scenario"`
	Interval time.Duration `json:"interval_ns"`
	Port     uint16        `json:"port"` // The near port of the connection.

	Tape []byte `json:"-"` // The recording.
}

var unfit = regexp.MustCompile(`[^a-z0-9.]+`)

// Name is the name of the fixture's file, less its ending.
func (f *Fixture) Name() string {
	name := fmt.Sprintf("%s at %v", f.Scenario, f.Interval)
	return strings.Trim(unfit.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// fixtureEnding is that of the files: a line of JSON, then the recording, both compressed.
const fixtureEnding = ".rec.gz"

// Write writes the fixture to a directory.
func (f *Fixture) Write(dir string) error {
	head, err := json.Marshal(f)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, headErr := z.Write(append(head, '\n'))
	_, tapeErr := z.Write(f.Tape)
	if err := errors.Join(headErr, tapeErr, z.Close()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, f.Name()+fixtureEnding), b.Bytes(), 0o644)
}

// ReadFixture reads a fixture from a file.
func ReadFixture(path string) (*Fixture, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	head, tape, _ := bytes.Cut(all, []byte("\n"))
	f := &Fixture{Tape: tape}
	if err := json.Unmarshal(head, f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, nil
}

// Play has a tracker judge the recording and returns what is said of the connection of the scene, and of all others.
func (f *Fixture) Play(policy *health.Policy) (said, others []Sight, err error) {
	replay, err := sampler.NewReplay(bytes.NewReader(f.Tape))
	if err != nil {
		return nil, nil, err
	}
	notes := notebook{subject: func() uint16 { return f.Port }}
	// What is published belongs to the dump or the round that was played last.
	clocked := &clocked{Tracker: newTracker(f.Interval, policy, func(s *health.Snapshot) { notes.note(notes.now, s) }), now: &notes.now}
	err = loop.Play(context.Background(), replay, clocked, Deaf{}, nil)
	return notes.said, notes.others, err
}

// Judge compares what is said of the recording with what the scenario expects.
func (f *Fixture) Judge(sc *Scenario, policy *health.Policy) (Finding, error) {
	said, others, err := f.Play(policy)
	if err != nil {
		return Finding{}, err
	}
	return JudgeRun(sc, f.Marks, f.Interval, said, others), nil
}

// clocked records the time of the recording.
type clocked struct {
	*health.Tracker

	now *time.Time
}

func (c *clocked) Publish(at time.Time) {
	*c.now = at
	c.Tracker.Publish(at)
}

func (c *clocked) Settle(at time.Time) {
	*c.now = at
	c.Tracker.Settle(at)
}

// Deaf is an observer that ignores everything.
type Deaf struct{}

// Ticked implements [sampler.Observer].
func (Deaf) Ticked(sampler.Dump, time.Duration) {}

// Rechecked implements [sampler.Observer].
func (Deaf) Rechecked(int, time.Duration) {}

// Missed implements [sampler.Observer].
func (Deaf) Missed(int) {}

// Delayed implements [sampler.Observer].
func (Deaf) Delayed(time.Duration) {}

// Paced implements [sampler.Observer].
func (Deaf) Paced(time.Duration) {}

// Failed implements [sampler.Observer].
func (Deaf) Failed(error, time.Duration) {}
