package judge

import (
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// followReduced is follow for a socket of /proc/net/tcp. It gathers what queues, timer and
// timeouts prove: losses, delays and rates are unknown, and so is whether the connection
// is idle.
func (st *State) followReduced(m *Moment, r *window.Window, g *window.Geometry, t *Thresholds, e *Evidence) {
	e.fromProc(m.Socket)

	first := r.Count() == 0
	s := newSample(m.Socket, e, m.Sampled)

	var before window.Sample
	if !first {
		before = *r.Newest()
	}

	r.Push(s, g)
	st.followAcks(m, e, &s, &before)
	st.followHalt(m, e, &s, &before)
	st.followCloseWait(m, e, first, s.At-before.At)

	e.overdue = e.outstanding && e.age >= t.Patience.at(0) && !m.AfterGap
	e.entries = st.verdict.recentEntries(m.Now, t.FlapSpan.Milliseconds(), g.Span)
	e.afterGap = m.AfterGap
}

// fromProc sets what a single socket of /proc/net/tcp provides. The timer of
// retransmissions runs only while something is in flight.
func (e *Evidence) fromProc(s *sampler.Socket) {
	e.reduced, e.state, e.timer, e.sizeUnknown = true, s.State, s.Timer, true
	e.synchronized = s.State != sampler.StateSynSent

	switch s.Timer {
	case sampler.TimerRetransmit:
		e.timeouts, e.unacked = s.TimerRetrans, 1
	case sampler.TimerKeepalive, sampler.TimerProbe:
		e.probes = s.TimerRetrans
	}

	e.zeroWindow = e.synchronized && s.Timer == sampler.TimerProbe && s.SendQueue > 0
	e.outstanding = e.unacked > 0 || e.probes > 0 || !e.synchronized
	e.finOnly = e.unacked > 0 && s.SendQueue <= 1 && finSent(s.State)
	e.unread = unread(s)
	e.recvQueue = float64(e.unread)
}

// followAcks determines for how long nothing was acknowledged, counted from the first
// moment that shows it. An ACK of new data ends a series of timeouts, and any ACK a series
// of probes. Short series of timeouts at two moments may be those of two losses.
func (st *State) followAcks(m *Moment, e *Evidence, s, before *window.Sample) {
	const sure = 3

	count := max(e.timeouts, e.probes)
	continues := count >= st.timeouts && (count >= sure || e.unacked == 0 && count > st.timeouts)

	if count == 0 || !continues || s.SendQueue < before.SendQueue || m.AfterGap {
		st.outstandingSince = 0
	}

	st.timeouts = count

	if count > 0 && st.outstandingSince == 0 {
		st.outstandingSince = m.Now
	}

	e.age = st.outstandingSince.seconds(m.Now)
	e.dataSilence = e.age
	e.answered = true // data of the peer may arrive

	if e.unacked == 0 {
		e.silence = e.age
	}
}

// followHalt records a closed window of the peer, and a local application that does not
// read. Any change of the queue restarts the time, because it may have been otherwise in
// between; in the end both leave a full buffer, which does not change.
func (st *State) followHalt(m *Moment, e *Evidence, s, before *window.Sample) {
	switch {
	case !e.zeroWindow:
		st.zeroWindowSince = 0
	case st.zeroWindowSince == 0 || s.SendQueue != before.SendQueue:
		st.zeroWindowSince = m.Now
		st.windows.Zero++
	}

	switch {
	case e.unread == 0:
		st.unreadSince = 0
	case st.unreadSince == 0 || s.RecvQueue != before.RecvQueue:
		st.unreadSince = m.Now
	}

	e.zeroWindowFor = st.zeroWindowSince.seconds(m.Now)
	e.unreadFor = st.unreadSince.seconds(m.Now)
}
