package lab

import (
	"bytes"
	"context"
	"reflect"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// published plays a fixture and returns what is said after each sample and round, without connections of their own: those
// that are shown never rest. It also returns how many rows were of connections at rest.
func (f *Fixture) published(t *testing.T, resting bool) (all []health.Snapshot, rested int) {
	t.Helper()
	replay, err := sampler.NewReplay(bytes.NewReader(f.Tape))
	if err != nil {
		t.Fatal(err)
	}
	tracker := health.NewTracker(health.Config{Interval: f.Interval}, func(s *health.Snapshot) {
		c := *s
		c.Tracker.Bytes = 0
		all = append(all, c)
	})
	if resting {
		replay.SetSkip(func(at time.Time, cookie, digest uint64) bool {
			skipped := tracker.Resting(at, cookie, digest)
			if skipped {
				rested++
			}
			return skipped
		})
	}
	if err := loop.Play(context.Background(), replay, tracker, Deaf{}, nil); err != nil {
		t.Fatal(err)
	}
	return all, rested
}

// TestFixturesAtRest compares letting connections rest with looking at each row, for every recording.
func TestFixturesAtRest(t *testing.T) {
	rested := 0
	for _, kernel := range kernels(t) {
		for _, f := range fixtures(t, kernel) {
			want, _ := f.published(t, false)
			got, n := f.published(t, true)
			rested += n
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s/%s differs", kernel, f.Name())
			}
		}
	}
	if rested < 100 {
		t.Errorf("only %d rows were of connections at rest", rested)
	}
}
