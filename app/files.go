package app

import (
	"fmt"
	"os"
	"time"

	"tcphealth_exporter/regular"
	"tcphealth_exporter/sampler"
)

// files is the recording to write or to replay, if the command line names one.
type files struct {
	// replay reads from played; recorder writes to recording.
	played    *os.File
	replay    *sampler.Replay
	recording *recordingFile
	recorder  *sampler.Recorder
}

// openFiles opens it.
func openFiles(o *options) (*files, error) {
	var (
		f   files
		err error
	)

	switch {
	case o.replay != "":
		err = f.openReplay(o.replay, o.window)
	case o.record != "":
		err = f.openRecording(o.record, o.interval)
	}

	if err != nil {
		f.close()

		return nil, err
	}

	return &f, nil
}

func (f *files) openReplay(path string, window time.Duration) error {
	file, err := regular.Open(path)
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}

	f.played = file

	if f.replay, err = sampler.NewReplay(file); err != nil {
		return fmt.Errorf("play %q: %w", path, err)
	}

	if interval := f.replay.Meta().Interval; window < minWindowIntervals*interval {
		return fmt.Errorf("play %q: --health.window: expected at least three of its intervals (%s), found %s",
			path, minWindowIntervals*interval, window)
	}

	return nil
}

// openRecording never overwrites a file.
func (f *files) openRecording(path string, interval time.Duration) (err error) {
	if f.recording, err = createRecording(path); err != nil {
		return fmt.Errorf("create recording: %w", err)
	}

	f.recorder, err = sampler.NewRecorder(f.recording, sampler.KernelRelease(), interval, time.Now())

	return err
}

// interval returns the time between two samples, which a recording determines itself.
func (f *files) interval(o *options) time.Duration {
	if f.replay != nil {
		return f.replay.Meta().Interval
	}

	return o.interval
}

// close closes the file, and removes a recording without any dump.
func (f *files) close() {
	if f.played != nil {
		_ = f.played.Close()
	}

	if f.recording != nil {
		f.recording.close(f.recorder != nil && f.recorder.Dumps() > 0)
	}
}
