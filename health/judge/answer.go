package judge

import (
	"math"

	"tcphealth_exporter/sampler"
)

// followAnswer records since when the peer owes an answer: nothing at all was received
// after a transmission, or no bare ACK, which a peer that drops the data it receives
// still sends. Later transmissions change nothing, however often the application
// writes. The kernel's clock of sent data ignores FINs.
func (st *State) followAnswer(m *Moment, e *Evidence, elapsed int64) {
	info := &m.Socket.Info
	sent := m.Now - Stamp(info.LastDataSent())

	if m.AfterGap { // the kernel's clocks went on during the gap
		st.unansweredSince, st.unackedSince = 0, 0
	}

	st.unansweredSince = owed(st.unansweredSince, sent, m.Now-Stamp(min(info.LastDataRecv(), info.LastAckRecv())))

	pureAcks := info.SegsIn() - info.DataSegsIn()

	switch {
	case !info.Has(sampler.FieldDataSegsIn):
		// The clock of ACKs also counts retransmitted data of the peer, which errs on the mild side.
		st.unackedSince = owed(st.unackedSince, sent, m.Now-Stamp(info.LastAckRecv()))
	case pureAcks != st.pureAcks:
		st.unackedSince = 0
	case st.unackedSince == 0 && int64(info.LastDataSent()) < elapsed:
		st.unackedSince = sent
	}

	st.pureAcks = pureAcks
	e.answered = !e.finOnly && !overRTT(st.unansweredSince, m.Now, e.srtt)
	e.ackAnswered = !e.finOnly && !overRTT(st.unackedSince, m.Now, e.srtt)

	if !e.answered && e.unacked > 0 {
		// A whole RTT less would find some dead paths too late, for the age is a minimum.
		const answering = 0.75 // RTTs

		e.missedTimeouts = timeoutsWithin(min(e.age, e.silence)-answering*e.srtt, e.expectedRTO)
	}
}

// owed returns since when an answer has been missing, given since when it was before:
// zero if something was heard after the last transmission. What is sent in the moment in
// which something is heard usually follows it.
func owed(since, sent, heard Stamp) Stamp {
	if heard >= since {
		since = 0
	}

	if since == 0 && sent >= heard {
		return sent
	}

	return since
}

// overRTT reports whether an answer has been missing for a round trip.
func overRTT(since, now Stamp, srtt float64) bool { return since != 0 && since.seconds(now) >= srtt }

// timeoutsWithin returns how many retransmission timeouts in a row fit into a time, both
// in seconds: after an RTO, two more and so on.
func timeoutsWithin(seconds, rto float64) int {
	if seconds <= 0 || rto <= 0 {
		return 0
	}

	return int(math.Log2(seconds/rto + 1))
}
