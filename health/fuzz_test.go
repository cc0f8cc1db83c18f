package health

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// source hands out the bytes of a fuzzer's input, zeros behind its end.
type source struct{ b []byte }

func (s *source) uint64() (v uint64) {
	var raw [8]byte

	n := copy(raw[:], s.b)
	s.b = s.b[n:]

	return binary.LittleEndian.Uint64(raw[:])
}

func (s *source) byte() byte {
	if len(s.b) == 0 {
		return 0
	}

	v := s.b[0]
	s.b = s.b[1:]

	return v
}

// seconds returns a time of some ms to an hour, at times none.
func (s *source) seconds() float64 {
	most := []uint64{1, 20, 500, 5_000, 3_600_001}[s.byte()%5]

	return float64(s.uint64()%most) / msPerSecond
}

// share returns 0 to 1.
func (s *source) share() float64 { return float64(s.byte()) / 255 }

// row returns a row with any figures in it.
func (s *source) row(cookie uint64) row {
	r := sameAddresses(established(cookie), uint64(s.byte()%8))
	r.State = []sampler.State{1, 1, 1, 2, 4, 5, 8, 9, 11}[s.byte()%9]
	r.Timer, r.Expires = sampler.Timer(s.byte()%6), uint32(s.uint64())
	r.RecvQueue, r.SendQueue = uint32(s.uint64()), uint32(s.uint64())
	sizes := append([]int{diagtest.NoInfo}, diagtest.InfoSizes()...)
	r.InfoSize = sizes[int(s.byte())%len(sizes)]

	raw := make([]byte, sampler.MaxInfoSize)
	copy(raw, s.b)
	s.b = s.b[min(len(s.b), 24):]

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
		s := &source{input}
		budget := int(s.byte() % 6)
		w := newWatch(t, Config{
			Interval:       time.Duration(max(10, intervalMS)) * time.Millisecond,
			Window:         time.Duration(1+s.byte()) * time.Second,
			Retention:      time.Duration(1+s.byte()%10) * time.Second,
			MaxConnections: 1 + int(s.byte()%12),
			Export: ExportConfig{
				Max: budget, MinAge: time.Duration(s.byte()%5) * time.Second, Hold: time.Duration(s.byte()%5) * time.Second,
			},
			Groups: GroupConfig{Max: budget, Hold: time.Duration(1+s.byte()%5) * time.Second},
		})

		for len(s.b) > 0 {
			rows := make([]row, s.byte()%16)
			for i := range rows {
				if cookie := uint64(s.byte()%20) + 1; cookie > 18 {
					rows[i] = listener(cookie, "[::]:80", uint32(s.byte()), 128)
				} else {
					rows[i] = s.row(cookie)
				}
			}

			switch s.byte() % 8 {
			case 0:
				w.abort(rows...)
			case 1:
				w.now = w.now.Add(time.Duration(s.byte()) * time.Second)
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
		for _, q := range []QueueTrend{t.Send, t.Recv} {
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
