package judge

import "math"

// worstBurst returns the samples, up to sample k and at least ms apart, between which
// the most segments were retransmitted.
func (r *Window) worstBurst(k int, ms int64) (from, to int) {
	var worst uint32

	end := 0
	for i := range k {
		for end < k && r.At(end).At-r.At(i).At < ms {
			end++
		}

		if n := r.At(end).TotalRetrans - r.At(i).TotalRetrans; n > worst {
			worst, from, to = n, i, end
		}
	}

	return from, to
}

// subtract removes the losses of a part from the whole.
func (w *windowStats) subtract(part windowStats) {
	w.retransAll -= part.retransAll
	w.retrans -= min(w.retrans, part.retrans)
	w.retransSamples -= part.retransSamples
	w.dataSegsOut -= part.dataSegsOut
	w.bytesSent -= part.bytesSent
	w.bytesRetrans -= part.bytesRetrans
}

// suspectLostACKs counts half of the retransmissions that a DSACK explains. After a
// timeout, a DSACK reports that the ACK was lost as often as that it was late.
func (w *windowStats) suspectLostACKs() { w.retrans += (w.retransAll - w.retrans) / 2 }

// lossRatio returns the retransmitted share of the sent data: bytes, or segments where
// the kernel does not count bytes (before 4.19).
func (w *windowStats) lossRatio() (float64, bool) {
	switch {
	case w.bytesSent > 0:
		return min(1, float64(w.bytesRetrans)/float64(w.bytesSent)), true
	case w.dataSegsOut > 0:
		return min(1, float64(w.retransAll)/float64(w.dataSegsOut)), true
	default:
		return 0, false
	}
}

// lossLowerBound returns the one-sided 95 % lower bound (Wilson) of the loss
// ratio without the retransmissions that a DSACK explains, and reports whether there
// is enough evidence for one.
func (w *windowStats) lossLowerBound(t *Thresholds) (float64, bool) {
	if int(w.retrans) < t.LossMinRetrans || w.retransSamples < t.LossMinSamples || w.dataSegsOut == 0 {
		return 0, false
	}

	ratio, ok := w.lossRatio()

	unexplained := float64(w.retrans) / float64(w.retransAll)

	return wilsonLower(ratio*unexplained, float64(w.dataSegsOut)), ok
}

// worstLoss returns the lower bound of the part of the window with the highest loss,
// and reports whether any part has enough evidence for one.
func (e *Evidence) worstLoss(t *Thresholds) (worst float64, ok bool) {
	for _, part := range []*windowStats{&e.settled, &e.half, &e.recent} {
		if share, known := part.lossLowerBound(t); known {
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
