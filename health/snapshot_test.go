package health

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
)

// clone copies a snapshot so deeply that nothing is shared with it.
func (s *Snapshot) clone() *Snapshot {
	c := *s
	c.Connections = slices.Clone(s.Connections)
	c.Listeners = slices.Clone(s.Listeners)

	return &c
}

// equal compares two snapshots; NaN equals NaN.
func (s *Snapshot) equal(other *Snapshot) bool {
	a, b := *s, *other
	if !slices.EqualFunc(a.Connections, b.Connections, func(x, y Connection) bool {
		x.Trend, y.Trend = plainTrend(x.Trend), plainTrend(y.Trend)

		return x == y
	}) || !slices.Equal(a.Listeners, b.Listeners) {
		return false
	}

	a.Connections, b.Connections, a.Listeners, b.Listeners = nil, nil, nil, nil

	return reflect.DeepEqual(a, b)
}

// plainTrend has a number in place of NaN.
func plainTrend(t judge.Trend) judge.Trend {
	for _, v := range []*float64{&t.RTTDrift, &t.Jitter, &t.RTOInflation, &t.Loss, &t.ReceiverLimited, &t.SndbufLimited} {
		if *v != *v {
			*v = -1
		}
	}

	return t
}

// troubled returns the rows of tick n: some come, some go, some fail.
func troubled(n int) []row {
	rows := []row{listener(1_000_000, "0.0.0.0:80", uint32(n), 128)}

	for i := range 20 {
		r := established(uint64(i + 1 + n/7))
		r.Info.BytesSent, r.Info.BytesAcked, r.Info.DataSegsOut = uint64(n*1000), uint64(n*900), uint32(n*2)
		r.Info.TotalRetrans = uint32(n * (i % 3))
		r.Info.BytesRetrans = uint64(n * (i % 3) * 100)
		r.SendQueue = uint32(n * i)

		if i%4 == 0 {
			r.Info.Unacked, r.Info.Retransmits, r.Info.LastDataSent = 1, uint8(n%9), 5000
		}

		rows = append(rows, r)
	}

	return rows
}

func TestSnapshotsAreImmutable(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 16}, Retention: 3 * time.Second})

	var kept, copies []*Snapshot

	for n := range 60 {
		s := w.tick(troubled(n)...)
		kept, copies = append(kept, s), append(copies, s.clone())
		requireDistinct(t, s, 16)
		requireSound(t, w.tracker)
	}

	for n := range kept {
		if !kept[n].equal(copies[n]) {
			t.Fatalf("snapshot %d changed after it was published", n)
		}
	}

	if kept[10].equal(kept[11]) {
		t.Error("two snapshots are the same: the comparison sees nothing")
	}
}

// TestSnapshotsAreReadWhileSampling lets the race detector look.
func TestSnapshotsAreReadWhileSampling(t *testing.T) {
	var published atomic.Pointer[Snapshot]

	w := newWatch(t, Config{Export: export.Config{Max: 16}})
	w.tracker.publish = func(s *Snapshot) {
		published.Store(s)
		w.snapshot = s
	}

	done := make(chan struct{})

	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}

				if s := published.Load(); s != nil && !s.equal(s.clone()) {
					t.Error("a snapshot is not equal to its copy")

					return
				}
			}
		})
	}

	for n := range 100 {
		w.tick(troubled(n)...)
	}

	close(done)
	readers.Wait()
}
