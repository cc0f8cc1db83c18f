package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"tcphealth_exporter/sampler"
)

// files are the recordings that the command line names.
type files struct {
	opened   []*os.File
	recorder *sampler.Recorder
	replay   *sampler.Replay
}

// openFiles opens them.
func openFiles(o *options) (*files, error) {
	var (
		f   files
		err error
	)

	switch {
	case o.replay != "":
		err = f.openReplay(o.replay)
	case o.record != "":
		err = f.openRecording(o.record, o.interval)
	}

	if err != nil {
		f.close()

		return nil, err
	}

	return &f, nil
}

func (f *files) openReplay(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}

	f.opened = append(f.opened, file)

	if f.replay, err = sampler.NewReplay(file); err != nil {
		return fmt.Errorf("play %q: %w", path, err)
	}

	return nil
}

// openRecording refuses to overwrite: a recording can't be made again.
func (f *files) openRecording(path string, interval time.Duration) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create recording: %w", err)
	}

	f.opened = append(f.opened, file)
	f.recorder, err = sampler.NewRecorder(file, sampler.KernelRelease(), interval, time.Now())

	return err
}

// interval returns the time between two samples: a recording has its own.
func (f *files) interval(o *options) time.Duration {
	if f.replay != nil {
		return f.replay.Meta().Interval
	}

	return o.interval
}

func (f *files) close() {
	var errs []error
	for _, file := range f.opened {
		errs = append(errs, file.Close())
	}

	_ = errors.Join(errs...)
}
