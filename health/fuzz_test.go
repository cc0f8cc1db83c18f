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

// seconds returns a time of up to an hour, at times none.
func (s *source) seconds() float64 { return float64(s.uint64()%3_600_001) / 1000 * float64(s.byte()&1) }

// share returns 0 to 1.
func (s *source) share() float64 { return float64(s.byte()) / 255 }

func (s *source) stats() windowStats {
	w := windowStats{
		retransAll: uint32(s.uint64() % 100_000), retransSamples: int(s.byte() % 65),
		dataSegsOut: uint32(s.uint64()), bytesSent: s.uint64() >> 1, delivered: uint32(s.uint64()), deliveredCE: uint32(s.byte()),
		busy: s.seconds(), receiverLimited: s.share(), sndbufLimited: s.share(),
		cwndFell: s.byte()&1 != 0, cwndRose: s.byte()&1 != 0,
	}
	w.retrans = uint32(float64(w.retransAll) * s.share())
	w.bytesRetrans = uint64(float64(w.bytesSent) * s.share())

	return w
}

// evidence returns evidence as follow could gather it.
func (s *source) evidence() evidence {
	e := evidence{
		state: sampler.State(s.byte() % sampler.NumStates), timer: sampler.Timer(s.byte() % 6), caState: sampler.CAState(s.byte() % 5),
		unacked: uint32(s.byte()), age: s.seconds(), silence: s.seconds(),
		timeouts: s.byte(), probes: s.byte(), backoff: s.byte(),
		srtt: s.seconds(), rttvar: s.seconds(), rto: s.seconds(), baseline: s.seconds(),
		progress: s.byte()&1 != 0, zeroWindow: s.byte()&1 != 0, zeroWindowFor: s.seconds(), unreadFor: s.seconds(),
		window: s.stats(), settled: s.stats(), half: s.stats(), recent: s.stats(), afterGap: s.byte()&7 == 7,
	}
	e.synchronized = e.state != sampler.StateSynSent
	e.outstanding = e.unacked > 0 || e.probes > 0 || !e.synchronized
	e.expectedRTO = e.srtt + max(minRTOVar, 4*e.rttvar)

	return e
}

// worsenTable changes evidence for the worse, all else equal.
var worsenTable = map[string]func(*evidence){
	"age":         func(e *evidence) { e.age *= 2; e.age++ },
	"silence":     func(e *evidence) { e.silence *= 2; e.silence++ },
	"time-outs":   func(e *evidence) { e.timeouts = max(e.timeouts, e.timeouts+1) },
	"probes":      func(e *evidence) { e.probes = max(e.probes, e.probes+1); e.outstanding = true },
	"back-off":    func(e *evidence) { e.backoff = max(e.backoff, e.backoff+1) },
	"RTO":         func(e *evidence) { e.rto *= 2 },
	"zero window": func(e *evidence) { e.zeroWindowFor += 2 },
	"unread":      func(e *evidence) { e.unreadFor += 2 },
	"loss": func(e *evidence) {
		for _, w := range []*windowStats{&e.window, &e.recent} {
			w.bytesRetrans += (w.bytesSent - w.bytesRetrans) / 2
			w.retransAll++
			w.retrans = w.retransAll
			w.retransSamples++
		}
	},
	"receiver-limited": func(e *evidence) { e.window.receiverLimited = (1 + e.window.receiverLimited) / 2 },
	"sndbuf-limited":   func(e *evidence) { e.window.sndbufLimited = (1 + e.window.sndbufLimited) / 2 },
	"drift":            func(e *evidence) { e.baseline /= 2 },
	"jitter":           func(e *evidence) { e.rttvar *= 2 },
}

func FuzzAssess(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x01\x00\x05\xff\xff\x00\x00\x00\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00\x00\x00\x01\x03\x00\x03"))

	long := make([]byte, 400)
	for i := range long {
		long[i] = byte(i * 37)
	}

	f.Add(long)

	l := DefaultLimits()

	f.Fuzz(func(t *testing.T, input []byte) {
		e := (&source{input}).evidence()
		a := assess(&e, l)
		requireConsistent(t, a)

		for name, worsen := range worsenTable {
			worse := e
			worsen(&worse)

			b := assess(&worse, l)
			requireConsistent(t, b)

			if b.Points < a.Points || score(b.Points) > score(a.Points) {
				t.Errorf("more %s makes %d points of %d:\n%s\n%s\n%+v", name, b.Points, a.Points, flagNames(a.Flags), flagNames(b.Flags), e)
			}
		}
	})
}

// requireConsistent fails if the parts of an assessment contradict each other.
func requireConsistent(tb testing.TB, a Assessment) {
	tb.Helper()

	status := statusOf(a.Points)

	if a.Points < 0 || a.Points > math.MaxInt8 || score(a.Points) < 0 || score(a.Points) > 100 {
		tb.Fatalf("%d points, score %d", a.Points, score(a.Points))
	}

	if (a.Cause == CauseNone) != (a.Flags == 0) || a.Cause != CauseNone && !a.Flags.causes(a.Cause) {
		tb.Fatalf("the cause %v of %s", a.Cause, flagNames(a.Flags))
	}

	if status == Stale && !a.Cause.Fatal() || a.SafeToSend && status >= Degraded || a.Flags == 0 && a.Points != 0 {
		tb.Fatalf("%v because of %v, safe to send %v, %s", status, a.Cause, a.SafeToSend, flagNames(a.Flags))
	}

	if a.Flags&replacedBy(a.Flags) != 0 || a.Flags >= 1<<NumFlags {
		tb.Fatalf("flags %s", flagNames(a.Flags))
	}
}

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
