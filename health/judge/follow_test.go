package judge

import (
	"testing"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// TestRTOOfARoute takes the minimum variation of the connection for its
// own: a route may have a greater minimum than 200 ms (rto_min).
func TestRTOOfARoute(t *testing.T) {
	at := func(rto uint32, backoff uint8) row {
		r := outstanding(30, 30)
		r.Info.RTT, r.Info.RTO, r.Info.Backoff, r.Info.Retransmits = 20_000, rto, backoff, backoff

		return r
	}

	for _, tc := range []struct {
		name string
		rows []row
		want float64 // the figure of rto_inflation
	}{
		{"200 ms, the usual minimum", []row{at(220_000, 0)}, 1},
		{"a minimum of one second", []row{at(1_020_000, 0), at(1_020_000, 0)}, 1},
		{"a minimum of one second, backed off", []row{at(1_020_000, 0), at(2_040_000, 1)}, 2},
		{"a minimum of one second, known only backed off", []row{at(2_040_000, 1)}, 2_040. / 220},
		{"a minimum of 5 ms", []row{at(25_000, 0)}, 1},
		{"a minimum of 5 ms, backed off", []row{at(25_000, 0), at(50_000, 1)}, 2},
		{"a jump of the RTO", []row{at(220_000, 0), at(660_000, 0)}, 3},
	} {
		f := newFollowing(t)

		var e Evidence
		for _, r := range tc.rows {
			e = f.see(r)
		}

		if got, ok := rtoInflation(&e, DefaultThresholds()); !ok || !near(got, tc.want) {
			t.Errorf("%s: %v, %v, want %v", tc.name, got, ok, tc.want)
		}
	}
}

// TestFINOfASocketWithDataInFlight is no lone FIN.
func TestFINOfASocketWithDataInFlight(t *testing.T) {
	for _, tc := range []struct {
		state     sampler.State
		sendQueue uint32
		want      bool
	}{
		{sampler.StateFinWait1, 1, true},
		{sampler.StateLastAck, 1, true},
		{sampler.StateClosing, 1, true},
		{sampler.StateFinWait1, 301, false},
		{sampler.StateEstablished, 1, false},
		{sampler.StateCloseWait, 1, false},
	} {
		r := outstanding(100, 100)
		r.State, r.SendQueue = tc.state, tc.sendQueue

		var e Evidence
		if e.fromKernel(&diagtest.Decode(t, r)[0]); e.finOnly != tc.want {
			t.Errorf("%v with %d bytes: %v", tc.state, tc.sendQueue, e.finOnly)
		}
	}
}
