package window

const msPerSecond = 1e3

// Stats are the changes over a part of the window.
type Stats struct {
	// RetransAll are the retransmitted segments, Retrans those that no DSACK
	// explains, in RetransSamples different samples.
	RetransAll     uint32
	Retrans        uint32
	RetransSamples int
	DataSegsOut    uint32
	BytesSent      uint64
	BytesRetrans   uint64
	Delivered      uint32
	DeliveredCE    uint32
	// Busy is in seconds, the others are shares of it.
	Busy, ReceiverLimited, SndbufLimited float64
	// CwndFell, CwndRose: the newest cwnd is below the maximum, above the lowest.
	CwndFell, CwndRose bool
}

// Stats computes the changes from sample i to sample k.
func (r *Window) Stats(i, k int) Stats {
	from, to := r.At(i), r.At(k)
	w := Stats{
		DataSegsOut:  to.DataSegsOut - from.DataSegsOut,
		BytesSent:    to.BytesSent - from.BytesSent,
		BytesRetrans: to.BytesRetrans - from.BytesRetrans,
		Delivered:    to.Delivered - from.Delivered,
		DeliveredCE:  to.DeliveredCE - from.DeliveredCE,
	}

	w.RetransAll = to.TotalRetrans - from.TotalRetrans
	w.Retrans = w.RetransAll - min(w.RetransAll, to.DSACKDups-from.DSACKDups)

	if busy := to.Busy - from.Busy; busy > 0 {
		w.Busy = float64(busy) / msPerSecond
		w.ReceiverLimited = min(1, float64(to.ReceiverLimited-from.ReceiverLimited)/float64(busy))
		w.SndbufLimited = min(1, float64(to.SndbufLimited-from.SndbufLimited)/float64(busy))
	}

	if w.Retrans > 0 || w.DeliveredCE > 0 {
		r.scanEvents(i, k, &w)
	}

	return w
}

// scanEvents sets what depends on each sample; it is needed only for windows with
// losses or CE marks.
func (r *Window) scanEvents(i, k int, w *Stats) {
	cwnd := r.At(k).Cwnd

	for j := i; j < k; j++ {
		s, next := r.At(j), r.At(j+1)
		if next.TotalRetrans != s.TotalRetrans {
			w.RetransSamples++
		}

		w.CwndFell = w.CwndFell || s.Cwnd > cwnd
		w.CwndRose = w.CwndRose || s.Cwnd < cwnd
	}
}

// WorstBurst returns the samples, up to sample k and at least ms apart, between which
// the most segments were retransmitted.
func (r *Window) WorstBurst(k int, ms int64) (from, to int) {
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

// Subtract removes the losses of a part from the whole.
func (w *Stats) Subtract(part Stats) {
	w.RetransAll -= part.RetransAll
	w.Retrans -= min(w.Retrans, part.Retrans)
	w.RetransSamples -= part.RetransSamples
	w.DataSegsOut -= part.DataSegsOut
	w.BytesSent -= part.BytesSent
	w.BytesRetrans -= part.BytesRetrans
}

// SuspectLostACKs counts half of the retransmissions that a DSACK explains. After a
// timeout, a DSACK reports that the ACK was lost as often as that it was late.
func (w *Stats) SuspectLostACKs() { w.Retrans += (w.RetransAll - w.Retrans) / 2 }

// LossRatio returns the retransmitted share of the sent data: bytes, or segments where
// the kernel does not count bytes (before 4.19).
func (w *Stats) LossRatio() (float64, bool) {
	switch {
	case w.BytesSent > 0:
		return min(1, float64(w.BytesRetrans)/float64(w.BytesSent)), true
	case w.DataSegsOut > 0:
		return min(1, float64(w.RetransAll)/float64(w.DataSegsOut)), true
	default:
		return 0, false
	}
}

// DeliveryRate returns the bytes delivered per second over the last ms, zero if
// unknown. Segments count as full-size.
func (r *Window) DeliveryRate(ms int64, mss float64) float64 {
	from, to := r.At(r.Before(r.Last(), ms)), r.Newest()
	if to.At <= from.At {
		return 0
	}

	return float64(to.Delivered-from.Delivered) * mss * msPerSecond / float64(to.At-from.At)
}
