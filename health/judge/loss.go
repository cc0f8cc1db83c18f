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
