package health

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// source hands out the bytes of a fuzzer's input, zeros behind its end.
type source struct{ diagtest.Figures }

// row returns a row with any figures in it.
func (s *source) row(cookie uint64) row {
	r := sameAddresses(established(cookie), uint64(s.Byte()%8))
	r.State = []sampler.State{1, 1, 1, 2, 4, 5, 8, 9, 11}[s.Byte()%9]
	r.Timer, r.Expires = sampler.Timer(s.Byte()%6), uint32(s.Uint64())
	r.RecvQueue, r.SendQueue = uint32(s.Uint64()), uint32(s.Uint64())
	sizes := append([]int{diagtest.NoInfo}, diagtest.InfoSizes()...)
	r.InfoSize = sizes[int(s.Byte())%len(sizes)]

	raw := make([]byte, sampler.MaxInfoSize)
	copy(raw, s.Bytes)
	s.Bytes = s.Bytes[min(len(s.Bytes), 24):]

	if _, err := binary.Decode(raw, binary.NativeEndian, &r.Info); err != nil {
		panic(err)
	}

	return r
}

func FuzzTracker(f *testing.F) {
	f.Add([]byte{}, uint16(0))
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09"), uint16(10))

	long := make([]byte, 800)
	for i := range long {
		long[i] = byte(i*i>>3 + i)
	}

	f.Add(long, uint16(1000))
	f.Add(long[7:], uint16(60_000))

	f.Fuzz(func(t *testing.T, input []byte, intervalMS uint16) {
		s := &source{diagtest.Figures{Bytes: input}}
		budget := int(s.Byte() % 6)
		w := newWatch(t, Config{
			Interval:       time.Duration(max(10, intervalMS)) * time.Millisecond,
			Window:         time.Duration(1+s.Byte()) * time.Second,
			Retention:      time.Duration(1+s.Byte()%10) * time.Second,
			MaxConnections: 1 + int(s.Byte()%12),
			Export: export.Config{
				Max: budget, MinAge: time.Duration(s.Byte()%5) * time.Second, Hold: time.Duration(s.Byte()%5) * time.Second,
			},
			Groups: group.Config{Max: budget, Hold: time.Duration(1+s.Byte()%5) * time.Second},
		})

		for len(s.Bytes) > 0 {
			rows := make([]row, s.Byte()%16)
			for i := range rows {
				if cookie := uint64(s.Byte()%20) + 1; cookie > 18 {
					rows[i] = listener(cookie, "[::]:80", uint32(s.Byte()), 128)
				} else {
					rows[i] = s.row(cookie)
				}
			}

			switch s.Byte() % 8 {
			case 0:
				w.abort(rows...)
			case 1:
				w.now = w.now.Add(time.Duration(s.Byte()) * time.Second)
			default:
				requireDistinct(t, w.tick(rows...), budget)
				requireFinite(t, w.snapshot)
			}

			requireSound(t, w.tracker)
		}
	})
}

// requireFinite fails if a trend is no number where it should be one.
func requireFinite(tb testing.TB, s *Snapshot) {
	tb.Helper()

	for i := range s.Connections {
		t := &s.Connections[i].Trend
		for _, q := range []judge.QueueTrend{t.Send, t.Recv} {
			for _, v := range []float64{q.Velocity, q.Acceleration, q.Stddev, q.ShortAverage, q.LongAverage, q.Persistence} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					tb.Fatalf("a queue trend of %+v", q)
				}
			}
		}

		for _, v := range []float64{t.RTTDrift, t.Jitter, t.RTOInflation} {
			if math.IsInf(v, 0) || v < 0 {
				tb.Fatalf("a trend of %+v", t)
			}
		}

		for _, v := range []float64{t.Loss, t.ReceiverLimited, t.SndbufLimited} {
			if v < 0 || v > 1 {
				tb.Fatalf("a share of %v in %+v", v, t)
			}
		}
	}
}
