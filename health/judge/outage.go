package judge

import "tcphealth_exporter/sampler"

// outage is the last time in which retransmissions were not answered for a while. The
// attempts to send the same segments again and again are not independent losses: an
// outage counts as a single one.
type outage struct {
	// from and to are the retransmitted segments of the connection before and after.
	from, to uint32
}

// followOutage records the retransmissions of an outage: from the last progress to the
// end of the kernel's recovery, as far as a sample shows that one was unanswered.
func (st *State) followOutage(m *Moment, e *Evidence, r *Window) {
	newest := r.Newest().TotalRetrans

	if !st.outageLasts && e.unacked > 0 && newest != r.Oldest().TotalRetrans && st.lastProgress != m.Now {
		before := r.At(st.sampleOfProgress(m, r)).TotalRetrans
		if st.outageLasts = newest != before; st.outageLasts {
			st.outage.from = before
		}
	}

	if st.outageLasts {
		st.outage.to = newest
		st.outageLasts = st.lastProgress != m.Now || e.timeouts > 0 || e.caState == sampler.CALoss
	}
}

// stats returns the changes from sample i to sample k, in which the outage counts as one
// retransmission.
func (o *outage) stats(r *Window, i, k int) windowStats {
	w := r.stats(i, k)

	from, to := max(o.from, r.At(i).TotalRetrans), min(o.to, r.At(k).TotalRetrans)
	if to <= from || w.retransAll == 0 {
		return w
	}

	attempts := min(to-from, w.retransAll) - 1
	left := float64(w.retransAll-attempts) / float64(w.retransAll)
	w.bytesSent -= uint64(float64(w.bytesRetrans) * (1 - left))
	w.bytesRetrans = uint64(float64(w.bytesRetrans) * left)
	w.dataSegsOut -= min(w.dataSegsOut, attempts)
	w.retransAll -= attempts
	w.retrans -= min(w.retrans, attempts)

	return w
}
