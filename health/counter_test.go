package health

import (
	"testing"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// TestCountersReadTheirFields gives each field of tcp_info another value.
func TestCountersReadTheirFields(t *testing.T) {
	r := established(1)
	r.Info.BytesSent, r.Info.BytesRetrans, r.Info.BytesAcked, r.Info.BytesReceived = 1, 2, 3, 4
	r.Info.DataSegsOut, r.Info.TotalRetrans, r.Info.Delivered, r.Info.DeliveredCE = 5, 6, 7, 8
	r.Info.RcvOOOPack, r.Info.SegsOut, r.Info.SegsIn = 9, 10, 11
	r.Info.BusyTime, r.Info.RwndLimited, r.Info.SndbufLimited = 12_000, 13_000, 14_000

	s := &diagtest.Decode(t, r)[0]
	c := group.CountersOf(&s.Info)

	for k := range group.NumCounters {
		want, _ := s.Info.Get(k.Field())
		if k >= group.BusyTime {
			want /= 1000
		}

		if c[k] != uint64(k)+1 || c[k] != want {
			t.Errorf("counter %d is %d, %v is %d", k, c[k], k.Field(), want)
		}
	}

	// What the table of connections keeps of a row is the same.
	var kept connection
	kept.last = lastCounters{received: 4, outOfOrder: 9, segmentsOut: 10, segmentsIn: 11}
	g := window.NewGeometry(1000, 10_000)
	w := window.New(make([]window.Sample, g.Length), window.Position{})
	kept.judged.Observe(&judge.Moment{Socket: s, At: 1, Now: 1}, &w, &g, judge.DefaultThresholds(), new(judge.Evidence))

	if kept.counters(w.Newest()) != c {
		t.Errorf("kept is %v of %v", kept.counters(w.Newest()), c)
	}
}

func TestCountersKnownByLength(t *testing.T) {
	for size, want := range map[int]group.CounterSet{
		104: 1 << group.RetransmittedSegments,
		136: 1<<group.RetransmittedSegments | 1<<group.AckedBytes | 1<<group.ReceivedBytes,
		160: 1<<group.RetransmittedSegments | 1<<group.AckedBytes | 1<<group.ReceivedBytes | 1<<group.SegmentsIn | 1<<group.SegmentsOut | 1<<group.SentSegments,
		280: 1<<group.NumCounters - 1,
	} {
		w := newWatch(t, Config{})
		r := established(1)
		r.InfoSize = size

		s := w.tick(r)
		if s.Totals.Known != want || s.Groups[0].Known != want {
			t.Errorf("%d bytes: %b and %b, want %b", size, s.Totals.Known, s.Groups[0].Known, want)
		}
	}

	// Before there is a connection nothing is known.
	w := newWatch(t, Config{})
	if s := w.tick(listener(1, "[::]:80", 0, 1)); s.Totals.Known != 0 {
		t.Errorf("%b of no connection", s.Totals.Known)
	}

	if _, known := (&group.Totals{Known: 1 << group.AckedBytes}).Get(group.AckedBytes); !known {
		t.Error("a known counter is not")
	}

	if got := sampler.FieldRcvOOOPack; group.OutOfOrderSegments.Field() != got {
		t.Errorf("out of order is not %v", got)
	}
}
