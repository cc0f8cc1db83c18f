package window

import "math"

// LossLowerBound returns the one-sided 95 % lower bound (Wilson) of the loss ratio without
// the retransmissions that a DSACK explains. It reports whether there is enough evidence for
// one: retransmissions, in different samples.
func (w *Stats) LossLowerBound(minRetrans, minSamples int) (float64, bool) {
	if int(w.Retrans) < minRetrans || w.RetransSamples < minSamples || w.DataSegsOut == 0 {
		return 0, false
	}

	ratio, ok := w.LossRatio()
	unexplained := float64(w.Retrans) / float64(w.RetransAll)

	return LowerBound(ratio*unexplained, float64(w.DataSegsOut)), ok
}

// LowerBound returns the one-sided 95 % lower bound (Wilson) of a proportion p seen in n
// trials.
func LowerBound(p, n float64) float64 {
	const z = 1.6448536269514722

	center := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))

	return max(0, (center-spread)/(1+z*z/n))
}

// UsualLoss returns the share of the segments that were lost before a sample: 1 in 500 before
// anything is known, and 1 % at most, because a path that always loses more is not usual.
func (s *Sample) UsualLoss() float64 {
	const lost, sent, most = 1, 500, 0.01

	retrans := max(0, float64(s.TotalRetrans)-float64(s.DSACKDups)/2)

	return min(most, (retrans+lost)/(float64(s.DataSegsOut)+sent))
}

// LostByChance reports whether chance explains the losses on a path that usually loses a
// share of the segments: whether so many are more likely than 6 times in a million.
func (w *Stats) LostByChance(usual float64) bool {
	const unlikely = -12 // logarithm

	k, expected := float64(w.Retrans), usual*float64(w.DataSegsOut)

	// Chernoff's bound of the probability of at least k losses.
	return k <= expected || k-expected-k*math.Log(k/expected) > unlikely
}
