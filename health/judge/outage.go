package judge

import (
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// outage is the last time in which retransmissions were not answered for a while. The
// attempts to send the same segments again and again are not independent losses: an
// outage counts as a single one.
type outage struct {
	// from and to are the retransmitted segments of the connection before and after.
	from, to uint32
}

// followOutage records the retransmissions of an outage: from the last progress to the
// end of the kernel's recovery, as far as a sample shows that one was unanswered.
func (st *State) followOutage(m *Moment, e *Evidence, r *window.Window) {
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
func (o *outage) stats(r *window.Window, i, k int) window.Stats {
	w := r.Stats(i, k)

	from, to := max(o.from, r.At(i).TotalRetrans), min(o.to, r.At(k).TotalRetrans)
	if to <= from || w.RetransAll == 0 {
		return w
	}

	attempts := min(to-from, w.RetransAll) - 1
	left := float64(w.RetransAll-attempts) / float64(w.RetransAll)
	w.BytesSent -= uint64(float64(w.BytesRetrans) * (1 - left))
	w.BytesRetrans = uint64(float64(w.BytesRetrans) * left)
	w.DataSegsOut -= min(w.DataSegsOut, attempts)
	w.RetransAll -= attempts
	w.Retrans -= min(w.Retrans, attempts)

	return w
}
