package judge

import (
	"slices"
	"strings"
	"testing"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// TestReduced judges sockets of /proc/net/tcp, five seconds apart.
func TestReduced(t *testing.T) {
	const (
		none, retransmit = sampler.TimerNone, sampler.TimerRetransmit
		keepalive, probe = sampler.TimerKeepalive, sampler.TimerProbe
	)

	type at struct {
		timer      sampler.Timer
		count      uint8
		send, recv uint32
	}

	for _, tc := range []struct {
		name   string
		state  sampler.State
		times  []at
		flags  []string
		cause  Cause
		status Status
	}{
		{"nothing", sampler.StateEstablished, []at{{}, {}, {}}, nil, CauseNone, Healthy},
		{
			"in flight, and acknowledged again and again", sampler.StateEstablished,
			[]at{{retransmit, 0, 9000, 0}, {retransmit, 0, 9000, 0}, {retransmit, 0, 9000, 0}},
			nil, CauseNone, Healthy,
		},
		{
			"a dead path", sampler.StateEstablished,
			[]at{{retransmit, 0, 9000, 0}, {retransmit, 4, 9000, 0}, {retransmit, 5, 9000, 0}},
			[]string{"stale_confirmed_send"},
			CausePathDead, Stale,
		},
		{
			"a dead path, the timer backed off", sampler.StateEstablished,
			[]at{{retransmit, 5, 9000, 0}, {retransmit, 5, 9500, 0}},
			[]string{"stale_confirmed_send"},
			CausePathDead, Stale,
		},
		{"timeouts seen once", sampler.StateEstablished, []at{{retransmit, 7, 9000, 0}}, nil, CauseNone, Healthy},
		{
			"timeouts of two losses", sampler.StateEstablished,
			[]at{{retransmit, 1, 9000, 0}, {retransmit, 1, 9000, 0}, {retransmit, 1, 9000, 0}},
			nil, CauseNone, Healthy,
		},
		{
			"more timeouts of two losses", sampler.StateEstablished,
			[]at{{retransmit, 1, 9000, 0}, {retransmit, 2, 9000, 0}},
			nil, CauseNone, Healthy,
		},
		{
			"timeouts, acknowledged in between", sampler.StateEstablished,
			[]at{{retransmit, 3, 9000, 0}, {retransmit, 4, 8000, 0}},
			nil, CauseNone, Healthy,
		},
		{
			"fewer timeouts", sampler.StateEstablished,
			[]at{{retransmit, 5, 9000, 0}, {retransmit, 4, 9000, 0}},
			nil, CauseNone, Healthy,
		},
		{
			"an unanswered SYN", sampler.StateSynSent,
			[]at{{retransmit, 1, 1, 0}, {retransmit, 3, 1, 0}},
			[]string{"syn_unanswered"},
			CauseHandshake, Stale,
		},
		{
			"an unanswered FIN", sampler.StateFinWait1,
			[]at{{retransmit, 3, 1, 0}, {retransmit, 4, 1, 0}},
			[]string{"stale_confirmed_recv"},
			CausePathDead, Stale,
		},
		{
			"a closed window", sampler.StateEstablished,
			[]at{{probe, 0, 5000, 0}, {probe, 0, 5000, 0}},
			[]string{"zero_window"},
			CausePeerReceiver, Degraded,
		},
		{
			"a window that opens now and then", sampler.StateEstablished,
			[]at{{probe, 0, 5000, 0}, {probe, 0, 4000, 0}},
			[]string{"zero_window"},
			CausePeerReceiver, Caution,
		},
		{
			"unanswered keepalives", sampler.StateEstablished,
			[]at{{keepalive, 1, 0, 0}, {keepalive, 3, 0, 0}},
			[]string{"half_open_confirmed", "keepalive_unanswered", "stale_confirmed_recv"},
			CausePathDead, Stale,
		},
		{
			"a reader that stopped", sampler.StateEstablished,
			[]at{{none, 0, 0, 700}, {none, 0, 0, 900}, {none, 0, 0, 900}},
			[]string{"recv_queue_stuck"},
			CauseLocalApplication, Caution,
		},
		{"a busy reader", sampler.StateEstablished, []at{{none, 0, 0, 900}, {none, 0, 0, 700}, {none, 0, 0, 800}}, nil, CauseNone, Healthy},
		{"the FIN in the queue", sampler.StateCloseWait, []at{{none, 0, 0, 1}, {none, 0, 0, 1}}, nil, CauseNone, Healthy},
	} {
		var (
			st State
			e  Evidence
		)

		g := window.NewGeometry(5000, 15_000)
		r := window.New(make([]window.Sample, g.Length), window.Position{})

		for i, a := range tc.times {
			ms := int64(1_000_000 + 5000*i)
			st.Observe(&Moment{
				Socket: &sampler.Socket{
					Attrs: sampler.FromProc, State: tc.state, Timer: a.timer, TimerRetrans: a.count, SendQueue: a.send, RecvQueue: a.recv,
				}, At: ms, Now: Stamp(ms), Sampled: ms, FirstSeen: 1_000_000, Usual: 5000,
			}, &r, &g, DefaultThresholds(), &e)
		}

		for _, sentence := range Explain(st.Verdict(), &e, DefaultThresholds()) {
			if strings.Contains(sentence, "RTO") || strings.Contains(sentence, " 0 s ago") {
				t.Errorf("%s: %q names what is unknown", tc.name, sentence)
			}
		}

		v := st.Verdict()
		got := flagNames(v.Flags)
		slices.Sort(got)

		if !slices.Equal(got, tc.flags) || v.Cause != tc.cause || v.Status != tc.status || v.Idle {
			t.Errorf("%s: %v, %v, %v, idle %v, want %v, %v, %v", tc.name, got, v.Cause, v.Status, v.Idle, tc.flags, tc.cause, tc.status)
		}
	}
}
