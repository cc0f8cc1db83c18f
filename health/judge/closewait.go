package judge

import "tcphealth_exporter/sampler"

// CloseWaitSince returns since when the peer has closed the connection while the local
// application has not (CLOSE_WAIT), in seconds on the tracker's clock, rounded up; zero in
// other states. It is the latest time that the first moment in CLOSE_WAIT leaves possible:
// the FIN of the peer carries an ACK, so the connection has been in CLOSE_WAIT for at least
// as long as no ACK was received (Linux 6.18: tcp_ack sets rcv_tstamp before tcp_fin).
func (st *State) CloseWaitSince() uint32 { return st.closeWaitSince }

// followCloseWait records for how long the connection has been in CLOSE_WAIT. Unless the
// moment is the first one, it was in another state elapsed ms ago.
func (st *State) followCloseWait(m *Moment, e *Evidence, first bool, elapsed int64) {
	if e.state != sampler.StateCloseWait {
		st.closeWaitSince = 0

		return
	}

	if st.closeWaitSince == 0 {
		lasted := e.ackAgo
		if !first {
			lasted = min(lasted, elapsed)
		}

		st.closeWaitSince = uint32(max(1, (m.At-lasted+msPerSecond-1)/msPerSecond))
	}

	e.closeWaitFor = max(0, float64(m.At)/msPerSecond-float64(st.closeWaitSince))
}

// CloseWaitDue reports whether a connection that has been in CLOSE_WAIT since a time may
// have reached a threshold of its flag. Both times are on the tracker's clock, since in
// seconds and at in ms.
func (t *Thresholds) CloseWaitDue(since uint32, at int64) bool {
	steps := t.Steps[CloseWaitStuck]

	return since != 0 && len(steps) > 0 && float64(at)/msPerSecond-float64(since) >= steps[0].Threshold
}

// closeWaitSeconds is for how long the peer has closed while the application has not.
func closeWaitSeconds(e *Evidence, _ *Thresholds) (float64, bool) {
	return e.closeWaitFor, e.closeWaitFor > 0
}
