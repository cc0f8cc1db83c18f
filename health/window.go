package health

import "tcphealth_exporter/sampler"

// maxSamples bounds the ring of a connection.
const maxSamples = 64

// sample is what the window keeps of one sight of a connection: levels and
// counters from which trends and shares are computed.
type sample struct {
	at                      int64 // ms on the tracker's clock
	bytesSent, bytesRetrans uint64
	sendQueue, recvQueue    uint32 // bytes
	notsent                 uint32 // bytes
	totalRetrans, dsackDups uint32 // segments
	dataSegsOut             uint32
	delivered, deliveredCE  uint32
	cwnd                    uint32
	busy, rwnd, sndbuf      uint32 // ms, wrapping
}

func newSample(s *sampler.Socket, at int64) sample {
	info := &s.Info

	return sample{
		at:           at,
		bytesSent:    info.BytesSent(),
		bytesRetrans: info.BytesRetrans(),
		sendQueue:    s.SendQueue,
		recvQueue:    unread(s),
		notsent:      info.NotsentBytes(),
		totalRetrans: info.TotalRetrans(),
		dsackDups:    info.DSACKDups(),
		dataSegsOut:  info.DataSegsOut(),
		delivered:    info.Delivered(),
		deliveredCE:  info.DeliveredCE(),
		cwnd:         info.SndCwnd(),
		busy:         uint32(info.BusyTime() / 1000),
		rwnd:         uint32(info.RwndLimited() / 1000),
		sndbuf:       uint32(info.SndbufLimited() / 1000),
	}
}

// resetSince tells whether the counters fell: the socket was disconnected and
// used anew under the same cookie.
func (s *sample) resetSince(prev *sample) bool {
	return s.bytesSent < prev.bytesSent || s.bytesRetrans < prev.bytesRetrans ||
		int32(s.totalRetrans-prev.totalRetrans) < 0 || int32(s.dataSegsOut-prev.dataSegsOut) < 0 ||
		int32(s.delivered-prev.delivered) < 0 || int32(s.dsackDups-prev.dsackDups) < 0
}

// geometry is the shape of the windows, the same for all connections.
type geometry struct {
	span    int64 // ms a window covers
	spacing int64 // ms that kept samples are apart
	least   int64 // ms below which a sample replaces its forerunner
	length  int   // samples a ring holds
}

// newGeometry fits a window into a ring; windows with more than maxSamples
// intervals are thinned.
func newGeometry(interval, window int64) geometry {
	spacing := max(interval, (window+maxSamples-3)/(maxSamples-2), 1)

	least := spacing
	if spacing == interval {
		least = spacing * 7 / 8 // ticks come a little early, too
	}

	return geometry{
		span:    window,
		spacing: spacing,
		least:   least,
		length:  min(maxSamples, int((window+spacing-1)/spacing)+2),
	}
}

// ring is a window over the samples of one connection, oldest first. The
// samples live in the tracker's slab.
type ring struct {
	samples []sample
	first   uint8
	count   uint8
}

func (r *ring) at(i int) *sample {
	if i += int(r.first); i >= len(r.samples) {
		i -= len(r.samples) // a division would cost as much as the rest
	}

	return &r.samples[i]
}

func (r *ring) oldest() *sample { return r.at(0) }
func (r *ring) newest() *sample { return r.at(r.last()) }

// push appends s, dropping what has left the window. Samples that come denser
// than the geometry wants replace their forerunner.
func (r *ring) push(s sample, g geometry) {
	horizon := s.at - g.span - g.spacing/2
	for r.count > 0 && r.oldest().at < horizon {
		r.drop()
	}

	if r.count >= 2 && r.newest().at-r.at(int(r.count)-2).at < g.least {
		*r.newest() = s

		return
	}

	if int(r.count) == len(r.samples) {
		r.drop()
	}

	r.count++
	*r.newest() = s
}

func (r *ring) drop() {
	r.first = uint8((int(r.first) + 1) % len(r.samples))
	r.count--
}

func (r *ring) clear() { r.first, r.count = 0, 0 }

// last returns the index of the newest sample.
func (r *ring) last() int { return int(r.count) - 1 }

// before returns the index of the newest sample that is at least ms older than
// sample k, or the oldest.
func (r *ring) before(k int, ms int64) int {
	i := k
	limit := r.at(k).at - ms

	for i > 0 && r.at(i).at > limit {
		i--
	}

	return i
}

// windowStats are the changes over a part of the window.
type windowStats struct {
	// retransAll are the retransmitted segments, retrans those that no DSACK
	// explains, in retransSamples different samples.
	retransAll     uint32
	retrans        uint32
	retransSamples int
	dataSegsOut    uint32
	bytesSent      uint64
	bytesRetrans   uint64
	delivered      uint32
	deliveredCE    uint32
	// busy is in seconds, the others are shares of it.
	busy, receiverLimited, sndbufLimited float64
	// cwndFell, cwndRose: the newest cwnd is below the highest, above the lowest.
	cwndFell, cwndRose bool
}

// stats computes the changes from sample i to sample k.
func (r *ring) stats(i, k int) windowStats {
	from, to := r.at(i), r.at(k)
	w := windowStats{
		dataSegsOut:  to.dataSegsOut - from.dataSegsOut,
		bytesSent:    to.bytesSent - from.bytesSent,
		bytesRetrans: to.bytesRetrans - from.bytesRetrans,
		delivered:    to.delivered - from.delivered,
		deliveredCE:  to.deliveredCE - from.deliveredCE,
	}

	w.retransAll = to.totalRetrans - from.totalRetrans
	w.retrans = w.retransAll - min(w.retransAll, to.dsackDups-from.dsackDups)

	if busy := to.busy - from.busy; busy > 0 {
		w.busy = float64(busy) / msPerSecond
		w.receiverLimited = min(1, float64(to.rwnd-from.rwnd)/float64(busy))
		w.sndbufLimited = min(1, float64(to.sndbuf-from.sndbuf)/float64(busy))
	}

	if w.retrans > 0 || w.deliveredCE > 0 {
		r.scanEvents(i, k, &w)
	}

	return w
}

// scanEvents fills what needs a look at each sample; only windows with losses
// or CE marks have it.
func (r *ring) scanEvents(i, k int, w *windowStats) {
	cwnd := r.at(k).cwnd

	for j := i; j < k; j++ {
		s, next := r.at(j), r.at(j+1)
		if next.totalRetrans != s.totalRetrans {
			w.retransSamples++
		}

		w.cwndFell = w.cwndFell || s.cwnd > cwnd
		w.cwndRose = w.cwndRose || s.cwnd < cwnd
	}
}
