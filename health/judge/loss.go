package judge

import (
	"math"

	"tcphealth_exporter/health/window"
)

// lossLowerBound returns the one-sided 95 % lower bound (Wilson) of the loss
// ratio without the retransmissions that a DSACK explains, and reports whether there
// is enough evidence for one.
func lossLowerBound(w *window.Stats, t *Thresholds) (float64, bool) {
	if int(w.Retrans) < t.LossMinRetrans || w.RetransSamples < t.LossMinSamples || w.DataSegsOut == 0 {
		return 0, false
	}

	ratio, ok := w.LossRatio()

	unexplained := float64(w.Retrans) / float64(w.RetransAll)

	return wilsonLower(ratio*unexplained, float64(w.DataSegsOut)), ok
}

// worstLoss returns the lower bound of the part of the window with the highest loss,
// and reports whether any part has enough evidence for one.
func (e *Evidence) worstLoss(t *Thresholds) (worst float64, ok bool) {
	for _, part := range []*window.Stats{&e.settled, &e.half, &e.recent} {
		if share, known := lossLowerBound(part, t); known {
			worst, ok = max(worst, share), true
		}
	}

	return worst, ok
}

// lossMemory is the loss of a connection when its retransmissions reached a total.
type lossMemory struct {
	totalRetrans uint32 // segments
	share        float32
}

// recall sets the remembered loss in the evidence, if nothing was lost since, and
// remembers the current one.
func (last *lossMemory) recall(e *Evidence, totalRetrans uint32, t *Thresholds) {
	share, _ := e.worstLoss(t)

	e.noNewLoss, e.lastLoss = totalRetrans == last.totalRetrans, float64(last.share)
	if e.noNewLoss {
		share = min(share, e.lastLoss)
	}

	*last = lossMemory{totalRetrans, float32(share)}
}

// wilsonLower returns the one-sided 95 % lower bound of a proportion p seen in
// n trials.
func wilsonLower(p, n float64) float64 {
	const z = 1.6448536269514722

	center := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))

	return max(0, (center-spread)/(1+z*z/n))
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
// only the first level counts for a sender that fills the path.
func lossShare(e *Evidence, t *Thresholds) (float64, bool) {
	const (
		tolerated = 0.2
		searching = 60 // RTTs
	)

	share, ok := lostShare(e, t)
	own := share < tolerated || e.queued || e.windowSpan < searching*e.srtt

	if steps := t.Steps[LossHigh]; e.bbr && e.bulk() && own && len(steps) > 1 {
		share = min(share, max(steps[0].Threshold, math.Nextafter(steps[1].Threshold, 0)))
	}

	return share, ok
}
