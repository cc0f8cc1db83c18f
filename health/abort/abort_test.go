package abort

import (
	"testing"
	"time"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

func TestModelOfRetries(t *testing.T) {
	r := DefaultRetries()

	// ip-sysctl.rst: 15 retries are a hypothetical timeout of 924.6 seconds.
	for retries, want := range map[int]time.Duration{
		0: 200 * time.Millisecond, 1: 600 * time.Millisecond, 2: 1400 * time.Millisecond, 3: 3 * time.Second, 8: 102200 * time.Millisecond,
		9: 204600 * time.Millisecond, 15: 924600 * time.Millisecond, 255: (204600 + 246*120_000) * time.Millisecond,
	} {
		if got := r.timeout(retries, rtoBase); got != want {
			t.Errorf("%d retries of data: %v, want %v", retries, got, want)
		}
	}

	if got, want := r.timeout(6, synBase), 127*time.Second; got != want {
		t.Errorf("6 retries of a SYN: %v, want %v", got, want)
	}
}

// retransmitting is a socket after so many timeouts, the next one of which is due after a
// time in ms.
func retransmitting(timeouts uint8, rtoUS uint32, dueMS uint32) diagtest.Row {
	r := diagtest.Established(1)
	r.Inode = 1
	r.Timer, r.Expires, r.SendQueue = sampler.TimerRetransmit, dueMS, 1
	r.Info.Unacked, r.Info.Retransmits, r.Info.Backoff, r.Info.RTO = 1, timeouts, timeouts, rtoUS

	return r
}

// TestIn compares with what a kernel did, or with sums of its timeouts.
func TestIn(t *testing.T) {
	with := func(r diagtest.Row, change func(*diagtest.Row)) diagtest.Row {
		change(&r)

		return r
	}
	probing := with(retransmitting(0, 200_000, 300), func(r *diagtest.Row) {
		r.Timer, r.Info.Probes, r.Info.Unacked = sampler.TimerProbe, 1, 0
	})
	connecting := with(retransmitting(0, 1_000_000, 1000), func(r *diagtest.Row) { r.State = sampler.StateSynSent })

	for name, tc := range map[string]struct {
		socket  diagtest.Row
		retries func(*Retries)
		want    time.Duration
	}{
		// Measured on Linux 6.18: it gave up 3.33 s and 6.79 s after the data was sent, of
		// which one second had passed.
		"two retries":   {retransmitting(2, 816_000, 644), func(r *Retries) { r.Data = 2 }, 2276 * time.Millisecond},
		"three retries": {retransmitting(2, 816_000, 648), func(r *Retries) { r.Data = 3 }, 5544 * time.Millisecond},
		// 0.4 + ... + 102.4 s, then 120 s each, until 924.6 s are over.
		"the first timeout":     {retransmitting(1, 400_000, 400), nil, (204400 + 7*120_000) * time.Millisecond},
		"an RTO of 201 ms":      {retransmitting(1, 402_000, 402), nil, (205422 + 6*120_000) * time.Millisecond},
		"the longest RTO":       {retransmitting(10, 120_000_000, 60_000), nil, (60 + 5*120) * time.Second},
		"the last timeout":      {retransmitting(15, 120_000_000, 700), nil, 700 * time.Millisecond},
		"no back-off":           {with(retransmitting(3, 300_000, 100), func(r *diagtest.Row) { r.Info.Backoff = 0 }), func(r *Retries) { r.Data = 2 }, 700 * time.Millisecond},
		"an orphan":             {with(retransmitting(1, 402_000, 402), func(r *diagtest.Row) { r.State, r.Inode = sampler.StateFinWait1, 0 }), nil, 102_510 * time.Millisecond},
		"a FIN with a process":  {with(retransmitting(1, 402_000, 402), func(r *diagtest.Row) { r.State = sampler.StateFinWait1 }), nil, (205422 + 6*120_000) * time.Millisecond},
		"not accepted yet":      {with(retransmitting(1, 402_000, 402), func(r *diagtest.Row) { r.Inode = 0 }), nil, (205422 + 6*120_000) * time.Millisecond},
		"a short maximum":       {retransmitting(1, 400_000, 400), func(r *Retries) { r.MaxRTO = time.Second }, (400 + 800 + 14*1000) * time.Millisecond},
		"a SYN":                 {connecting, nil, 131 * time.Second},
		"a SYN, older kernels":  {connecting, func(r *Retries) { r.LinearSYN = 0 }, 127 * time.Second},
		"a SYN, two retries":    {connecting, func(r *Retries) { r.SYN, r.LinearSYN = 2, 0 }, 7 * time.Second},
		"a SYN, limited by sum": {connecting, func(r *Retries) { r.SYN = 1 }, 3 * time.Second},
		"the fifth SYN": {with(connecting, func(r *diagtest.Row) {
			r.Info.Retransmits, r.Info.Backoff, r.Info.RTO, r.Expires = 5, 1, 2_000_000, 1500
		}), nil, 125500 * time.Millisecond},
		// 14 more probes: 0.8 s, 1.6 s and so on.
		"a window probe":        {with(probing, func(r *diagtest.Row) { r.Info.Backoff = 1 }), nil, (300 + 204_000 + 6*120_000) * time.Millisecond},
		"the last window probe": {with(probing, func(r *diagtest.Row) { r.Info.Probes, r.Info.Backoff = 15, 15 }), nil, 300 * time.Millisecond},
	} {
		r := DefaultRetries()
		if tc.retries != nil {
			tc.retries(&r)
		}

		s := diagtest.Decode(t, tc.socket)
		if got, known := r.In(&s[0]); got != tc.want || !known {
			t.Errorf("%s: %v, known %v, want %v", name, got, known, tc.want)
		}
	}
}

func TestAbortIsUnknown(t *testing.T) {
	for name, change := range map[string]func(*diagtest.Row){
		"nothing outstanding":  func(r *diagtest.Row) { *r = diagtest.Established(1) },
		"no timeout yet":       func(r *diagtest.Row) { r.Info.Retransmits, r.Info.Backoff = 0, 0 },
		"keepalives":           func(r *diagtest.Row) { r.Timer, r.Info.Probes = sampler.TimerKeepalive, 3 },
		"an answered probe":    func(r *diagtest.Row) { r.Timer, r.Info.Probes = sampler.TimerProbe, 0 },
		"a window that closed": func(r *diagtest.Row) { r.Info.SndWnd = 0 },
		"no RTO":               func(r *diagtest.Row) { r.Info.RTO = 0 },
	} {
		s := retransmitting(2, 816_000, 500)
		change(&s)

		r := DefaultRetries()
		if got, known := r.In(&diagtest.Decode(t, s)[0]); known {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestAbortEnds: no socket and no setting makes the calculation long.
func TestAbortEnds(t *testing.T) {
	r := Retries{Data: 255, SYN: 255, LinearSYN: 255, MaxRTO: 120 * time.Second}

	for _, backoff := range []uint8{0, 1, 64, 255} {
		for _, timer := range []sampler.Timer{sampler.TimerRetransmit, sampler.TimerProbe} {
			s := retransmitting(255, 1, 0)
			s.Timer, s.Info.Probes, s.Info.Backoff = timer, 1, backoff

			if _, known := r.In(&diagtest.Decode(t, s)[0]); !known {
				t.Errorf("unknown at a back-off of %d", backoff)
			}
		}
	}
}
