package judge

import "tcphealth_exporter/health/window"

// worstLoss returns the lower bound of the part of the window with the highest loss,
// and reports whether any part has enough evidence for one.
func (e *Evidence) worstLoss(t *Thresholds) (worst float64, ok bool) {
	for _, part := range e.lossParts() {
		if share, known := part.LossLowerBound(t.LossMinRetrans, t.LossMinSamples); known {
			worst, ok = max(worst, share), true
		}
	}

	return worst, ok
}

// lossParts returns the parts of the window in which the losses are evaluated.
func (e *Evidence) lossParts() [3]*window.Stats {
	return [...]*window.Stats{&e.settled, &e.half, &e.recent}
}

// lossMemory is the loss of a connection when its retransmissions reached a total.
type lossMemory struct {
	totalRetrans uint32 // segments
	share        float32
}

// recallLoss sets the remembered loss in the evidence, if nothing was lost since, and
// remembers the current one. usual is the share of losses before the window.
func (st *State) recallLoss(e *Evidence, totalRetrans uint32, usual float64, t *Thresholds) {
	share, _ := e.worstLoss(t)
	e.byChance = true

	for _, part := range e.lossParts() {
		e.byChance = e.byChance && part.LostByChance(usual)
	}

	e.noNewLoss, e.lastLoss = totalRetrans == st.loss.totalRetrans, float64(st.loss.share)
	e.byChance = e.byChance || e.noNewLoss && st.lostByChance

	if e.noNewLoss {
		share = min(share, e.lastLoss)
	}

	st.loss, st.lostByChance = lossMemory{totalRetrans, float32(share)}, e.byChance
}

// lostShare is the lower bound of the retransmitted share of the sent data: the worst
// of the window, its newer half and its recent part. Data sent into a closed window
// is not lost on the path, and what a full queue drops is congestion, which the RTT
// indicates. Without a new loss the share does not rise, even if the older data in
// the window was delivered.
func lostShare(e *Evidence, t *Thresholds) (float64, bool) {
	worst, ok := e.worstLoss(t)
	if !ok || e.zeroWindow {
		return 0, false
	}

	if e.noNewLoss {
		worst = min(worst, e.lastLoss)
	}

	_, drifted := level(rttDrift, e, t, t.Steps[RTTDrift])

	return worst, !e.bulk() || !drifted
}

// lossShare is the lost share as far as it is evidence against the connection. BBR does not
// slow down for losses below a fifth, many of which it causes itself by filling a short queue
// or a policer, and loses more during the round trips in which it searches for the capacity:
// below a fifth, while the RTT shows a queue, or while the window holds few round trips,
// only the first level counts for a sender that fills the path. The same holds for losses that
// chance explains.
func lossShare(e *Evidence, t *Thresholds) (float64, bool) {
	const (
		tolerated = 0.2
		searching = 60 // RTTs
	)

	share, ok := lostShare(e, t)
	own := share < tolerated || e.queued || e.windowSpan < searching*e.srtt

	if e.bbr && e.bulk() && own || e.byChance {
		share = t.firstLevel(LossHigh, share)
	}

	return share, ok
}
