// Package abort computes when the kernel aborts a connection whose peer does not answer.
package abort

import (
	"math/bits"
	"time"

	"tcphealth_exporter/sampler"
)

// Retries are the settings of the kernel that decide when it gives up a connection
// (Linux: Documentation/networking/ip-sysctl.rst, net.ipv4).
type Retries struct {
	// Data is tcp_retries2, Orphan tcp_orphan_retries, which is 0 for the kernel's own
	// choice.
	Data, Orphan uint8
	// SYN is tcp_syn_retries, LinearSYN tcp_syn_linear_timeouts, which is 0 before Linux
	// 6.5.
	SYN, LinearSYN uint8
	// MaxRTO is tcp_rto_max_ms, which is 120 s before Linux 6.15.
	MaxRTO time.Duration
}

// DefaultRetries returns the kernel's defaults.
func DefaultRetries() Retries {
	return Retries{Data: 15, SYN: 6, LinearSYN: 4, MaxRTO: 120 * time.Second}
}

// RetriesOf returns what the kernel's settings are; setting returns one of them, such as
// net.ipv4.tcp_retries2, and reports whether it is known. Those that are not have the kernel's
// default.
func RetriesOf(setting func(name string) (n int, known bool)) Retries {
	r := DefaultRetries()

	limit := func(name string, to *uint8) bool {
		n, known := setting("net.ipv4." + name)
		if known {
			*to = uint8(min(max(n, 0), 255))
		}

		return known
	}

	limit("tcp_retries2", &r.Data)
	limit("tcp_orphan_retries", &r.Orphan)

	// Before Linux 6.5, all timeouts of a SYN double.
	if limit("tcp_syn_retries", &r.SYN) && !limit("tcp_syn_linear_timeouts", &r.LinearSYN) {
		r.LinearSYN = 0
	}

	if ms, known := setting("net.ipv4.tcp_rto_max_ms"); known && ms > 0 {
		r.MaxRTO = time.Duration(ms) * time.Millisecond
	}

	return r
}

const (
	// rtoBase and synBase are the first timeouts in the kernel's model of retries
	// (TCP_RTO_MIN and TCP_TIMEOUT_INIT).
	rtoBase = 200 * time.Millisecond
	synBase = time.Second
	// orphanRetries are those of a connection without a process, until its RTO reaches
	// the maximum (tcp_orphan_retries).
	orphanRetries = 8
	// maxDoublings is more than any RTO doubles: from 1 µs to two weeks.
	maxDoublings = 40
)

// In returns the time until the kernel gives up the connection of a socket if nothing more
// arrives, and reports whether that can be known: a timeout, a probe or a SYN must be
// unanswered. It is unknown for keepalives, whose number and interval the
// kernel does not report. A shorter limit of the socket itself (TCP_USER_TIMEOUT,
// TCP_SYNCNT) is not reported either.
func (r *Retries) In(s *sampler.Socket) (left time.Duration, known bool) {
	pending := time.Duration(s.Expires) * time.Millisecond

	switch {
	case s.Info.RTO() == 0 || r.MaxRTO < rtoBase:
		return 0, false
	case s.State == sampler.StateSynSent:
		return r.synAborts(&s.Info, pending), s.Timer == sampler.TimerRetransmit
	case s.Timer == sampler.TimerRetransmit && s.Info.Retransmits() > 0:
		// While the window is closed, other rules apply to retransmissions.
		closed := s.Info.Has(sampler.FieldSndWnd) && s.Info.SndWnd() == 0

		return r.dataAborts(s, pending), !closed
	case s.Timer == sampler.TimerProbe && s.Info.Probes() > 0:
		return r.probeAborts(s, pending), true
	default:
		return 0, false
	}
}

// timeout returns how long so many retransmissions take in the kernel's model: the
// timeouts double from base to the maximum (tcp_model_timeout).
func (r *Retries) timeout(retries int, base time.Duration) time.Duration {
	doublings := max(0, bits.Len64(uint64(r.MaxRTO/base))-1)
	if retries <= doublings {
		return (2<<retries - 1) * base
	}

	return (2<<doublings-1)*base + time.Duration(retries-doublings)*r.MaxRTO
}

// backedOff returns an RTO after so many doublings.
func (r *Retries) backedOff(rto time.Duration, doublings int) time.Duration {
	if doublings >= maxDoublings || rto > r.MaxRTO>>doublings {
		return r.MaxRTO
	}

	return rto << doublings
}

// dataAborts follows the retransmission timer until it expires for longer after the first
// retransmission than the retries take in the model (tcp_write_timeout).
func (r *Retries) dataAborts(s *sampler.Socket, left time.Duration) time.Duration {
	info := &s.Info
	rto, since := microseconds(info.RTO()), time.Duration(0)
	first := r.firstRTO(info)
	backoff, timeouts := int(info.Backoff()), int(info.Retransmits())

	// The first timeouts of a thin stream do not double.
	for n := 1; n <= timeouts; n++ {
		since += r.backedOff(first, max(0, n-max(0, timeouts-backoff)))
	}

	for since < r.timeout(r.dataRetries(s, rto), rtoBase) {
		rto = r.backedOff(rto, 1)
		left += rto
		since += rto
	}

	return left
}

// firstRTO returns the RTO before the timeouts in a row. It is derived from the RTT if the
// current RTO has reached its maximum.
func (r *Retries) firstRTO(info *sampler.TCPInfo) time.Duration {
	rto := microseconds(info.RTO())
	first := rto >> info.Backoff()

	if rto >= r.MaxRTO {
		first = max(first, microseconds(info.RTT())+max(rtoBase, 4*microseconds(info.RTTVar())))
	}

	return first
}

// dataRetries returns the retries of data at an RTO, which are fewer for a connection
// without a process (tcp_orphan_retries).
func (r *Retries) dataRetries(s *sampler.Socket, rto time.Duration) int {
	switch {
	case !orphan(s):
		return int(r.Data)
	case r.Orphan == 0 && rto < r.MaxRTO:
		return orphanRetries
	default:
		return int(r.Orphan)
	}
}

// orphan reports whether the process has closed the socket.
func orphan(s *sampler.Socket) bool {
	switch s.State {
	case sampler.StateFinWait1, sampler.StateLastAck, sampler.StateClosing:
		return s.Inode == 0
	default:
		return false
	}
}

// probeAborts counts the probes of a closed window that may still be sent
// (tcp_probe_timer).
func (r *Retries) probeAborts(s *sampler.Socket, left time.Duration) time.Duration {
	rto := max(microseconds(s.Info.RTO()), rtoBase)
	backoff := int(s.Info.Backoff())
	wait := r.backedOff(rto, backoff)

	for probes := int(s.Info.Probes()); probes < r.dataRetries(s, wait); probes++ {
		backoff = min(backoff+1, int(r.Data))
		wait = r.backedOff(rto, backoff)
		left += wait
	}

	return left
}

// synAborts counts the SYNs that may still be sent. The first timeouts do not double
// (tcp_write_timeout, tcp_retransmit_timer).
func (r *Retries) synAborts(info *sampler.TCPInfo, left time.Duration) time.Duration {
	linear, timeouts := int(r.LinearSYN), int(info.Retransmits())
	rto, since := microseconds(info.RTO()), time.Duration(0)

	for n := range timeouts + 1 {
		since += r.backedOff(rto>>info.Backoff(), max(0, n-linear))
	}

	for timeouts < int(r.SYN)+linear && (timeouts == 0 || since < r.timeout(int(r.SYN), synBase)) {
		if timeouts++; timeouts > linear {
			rto = r.backedOff(rto, 1)
		}

		left += rto
		since += rto
	}

	return left
}

func microseconds(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }
