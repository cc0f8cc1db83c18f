package sampler

import (
	"errors"
	"math"
	"time"

	"tcphealth_exporter/internal/sstext"
)

// motion defines how a figure may differ from those of ss before and after.
type motion int

const (
	steady  motion = iota // equal to before or after
	counter               // from before to after
	clock                 // increases with time, unless it was reset
)

// grain is the resolution of the kernel's clocks in ms: a jiffy at 100 Hz.
const grain = 10.0

// figure is one number that ss prints and the sampler decodes.
type figure struct {
	name   string
	motion motion
	// ours returns the number in the unit of ss, absent if ss should not print it.
	ours func(*Socket) (v float64, ok bool)
	// theirs returns the number of ss, or ErrAbsent.
	theirs func(sstext.Row) (float64, error)
	// hidden reports whether ss omits the number.
	hidden func(v float64) bool
}

// infoUint is a field of tcp_info that ss prints in the kernel's unit.
func infoUint(f Field, key string, m motion) figure {
	return figure{
		name: f.String(), motion: m,
		ours: func(s *Socket) (float64, bool) {
			v, ok := s.Info.Get(f)
			return float64(v), ok
		},
		theirs: uintOf(key),
	}
}

// infoMicros is a field in µs that ss prints in ms.
func infoMicros(f Field, key string, m motion) figure {
	n := infoUint(f, key, m)
	raw := n.ours
	n.ours = func(s *Socket) (float64, bool) {
		v, ok := raw(s)
		return v / 1000, ok
	}
	n.theirs = millisOf(key)
	return n
}

// infoWholeMillis is a field in µs that ss prints in whole ms.
func infoWholeMillis(f Field, key string) figure {
	n := infoUint(f, key, counter)
	raw := n.ours
	n.ours = func(s *Socket) (float64, bool) {
		v, ok := raw(s)
		return math.Floor(v / 1000), ok
	}
	n.theirs = millisOf(key)
	return n
}

// infoRate is a field in bytes per second that ss prints in bits.
func infoRate(f Field, key string) figure {
	n := infoUint(f, key, steady)
	raw := n.ours
	n.ours = func(s *Socket) (float64, bool) {
		v, ok := raw(s)
		return v * 8, ok
	}
	n.theirs = bitsOf(key)
	return n
}

func hide(n figure, hidden func(float64) bool) figure {
	n.hidden = hidden
	return n
}

// memory is an item of skmem.
func memory(letter string, ours func(*SkMem) uint32) figure {
	return figure{
		name: "skmem " + letter,
		ours: func(s *Socket) (float64, bool) { return float64(ours(&s.SkMem)), s.Has(HasSkMem | HasDrops) },
		theirs: func(r sstext.Row) (float64, error) {
			v, ok := r.Memory[letter]
			if !ok {
				return 0, sstext.ErrAbsent
			}
			return float64(v), nil
		},
	}
}

// bbr is an item of the details of BBR.
func bbr(key string, theirs func(sstext.Row) (float64, error), ours func(*BBRInfo) float64) figure {
	return figure{
		name:   key,
		ours:   func(s *Socket) (float64, bool) { return ours(&s.BBR), s.Has(HasBBR) },
		theirs: theirs,
	}
}

func uintOf(key string) func(sstext.Row) (float64, error) {
	return func(r sstext.Row) (float64, error) {
		v, err := r.Uint(key)
		return float64(v), err
	}
}

func millisOf(key string) func(sstext.Row) (float64, error) {
	return func(r sstext.Row) (float64, error) {
		v, err := r.Millis(key)
		return float64(v) / float64(time.Millisecond), err
	}
}

func bitsOf(key string) func(sstext.Row) (float64, error) {
	return func(r sstext.Row) (float64, error) { return r.Bits(key) }
}

func floatOf(key string) func(sstext.Row) (float64, error) {
	return func(r sstext.Row) (float64, error) { return r.Float(key) }
}

// bbrMinRTT treats 0xffffffff, the kernel's "no sample", as absent.
func bbrMinRTT(r sstext.Row) (float64, error) {
	v, err := r.Millis("bbr.mrtt")
	if v > time.Duration(math.MaxUint32-10_000)*time.Microsecond {
		return 0, sstext.ErrAbsent
	}
	return float64(v) / float64(time.Millisecond), err
}

// sendRate is the rate that ss computes: a window per RTT.
func sendRate(s *Socket) (float64, bool) {
	if s.State == StateListen || s.Info.RTT() == 0 {
		return 0, false
	}
	bits := 8e6 * float64(s.Info.SndCwnd()) * float64(s.Info.SndMSS())
	return math.Floor(bits/float64(s.Info.RTT()) + 0.5), true
}

// optionWord is a bit of tcpi_options, or a state, that ss prints as a word.
func optionWord(word string, has func(*Socket) bool) figure {
	return figure{
		name: "word " + word,
		ours: func(s *Socket) (float64, bool) { return one(has(s)), true },
		theirs: func(r sstext.Row) (float64, error) {
			return one(r.HasWord(word)), nil
		},
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func option(bit uint64) func(*Socket) bool {
	return func(s *Socket) bool {
		v, ok := s.Info.Get(FieldOptions)
		return ok && v&bit != 0
	}
}

func shutdown(want uint8) func(*Socket) bool {
	return func(s *Socket) bool { return s.Has(HasShutdown) && s.Shutdown == want }
}

// figureTable has every number that both ss and the sampler have.
var figureTable = []figure{
	{
		name: "recv queue", ours: func(s *Socket) (float64, bool) { return float64(s.RecvQueue), true },
		theirs: func(r sstext.Row) (float64, error) { return float64(r.RecvQ), nil },
	},
	{
		name: "send queue", ours: func(s *Socket) (float64, bool) { return float64(s.SendQueue), true },
		theirs: func(r sstext.Row) (float64, error) { return float64(r.SendQ), nil },
	},
	{
		name: "uid", ours: func(s *Socket) (float64, bool) { return float64(s.UID), true },
		theirs: func(r sstext.Row) (float64, error) { return float64(r.UID), nil },
	},
	{
		name: "inode", ours: func(s *Socket) (float64, bool) { return float64(s.Inode), true },
		theirs: func(r sstext.Row) (float64, error) { return float64(r.Inode), nil },
	},
	{
		name: "mark", ours: func(s *Socket) (float64, bool) { return float64(s.Mark), s.Has(HasMark) },
		theirs: uintOf("fwmark"),
	},
	{
		name: "timer retrans", ours: func(s *Socket) (float64, bool) { return float64(s.TimerRetrans), s.Timer != TimerNone },
		theirs: func(r sstext.Row) (float64, error) { return float64(r.Timer.Retrans), nil },
	},

	memory("r", func(m *SkMem) uint32 { return m.RmemAlloc }),
	memory("rb", func(m *SkMem) uint32 { return m.Rcvbuf }),
	memory("t", func(m *SkMem) uint32 { return m.WmemAlloc }),
	memory("tb", func(m *SkMem) uint32 { return m.Sndbuf }),
	memory("f", func(m *SkMem) uint32 { return m.FwdAlloc }),
	memory("w", func(m *SkMem) uint32 { return m.WmemQueued }),
	memory("o", func(m *SkMem) uint32 { return m.Optmem }),
	memory("bl", func(m *SkMem) uint32 { return m.Backlog }),
	memory("d", func(m *SkMem) uint32 { return m.Drops }),

	optionWord("ts", option(OptionTimestamps)),
	optionWord("sack", option(OptionSACK)),
	optionWord("ecn", option(OptionECN)),
	optionWord("ecnseen", option(OptionECNSeen)),
	optionWord("fastopen", option(OptionSynData)),
	optionWord("app_limited", func(s *Socket) bool {
		v, ok := s.Info.Get(FieldAppLimited)
		return ok && v == 1
	}),
	optionWord("<->", shutdown(0)),
	optionWord("-->", shutdown(1)),
	optionWord("<--", shutdown(2)),
	optionWord("---", shutdown(3)),

	infoUint(FieldSndWscale, "snd_wscale", steady),
	infoUint(FieldRcvWscale, "rcv_wscale", steady),
	hide(infoMicros(FieldRTO, "rto", steady), func(ms float64) bool { return ms == 3000 }),
	infoUint(FieldBackoff, "backoff", steady),
	infoMicros(FieldRTT, "rtt", steady),
	infoMicros(FieldRTTVar, "rttvar", steady),
	infoMicros(FieldATO, "ato", steady),
	infoUint(FieldSndMSS, "mss", steady),
	infoUint(FieldPMTU, "pmtu", steady),
	infoUint(FieldRcvMSS, "rcvmss", steady),
	infoUint(FieldAdvMSS, "advmss", steady),
	infoUint(FieldSndCwnd, "cwnd", steady),
	hide(infoUint(FieldSndSsthresh, "ssthresh", steady), func(v float64) bool { return v >= 0xffff }),
	infoUint(FieldBytesSent, "bytes_sent", counter),
	infoUint(FieldBytesRetrans, "bytes_retrans", counter),
	infoUint(FieldBytesAcked, "bytes_acked", counter),
	infoUint(FieldBytesReceived, "bytes_received", counter),
	infoUint(FieldSegsOut, "segs_out", counter),
	infoUint(FieldSegsIn, "segs_in", counter),
	infoUint(FieldDataSegsOut, "data_segs_out", counter),
	infoUint(FieldDataSegsIn, "data_segs_in", counter),
	{name: "send", ours: sendRate, theirs: bitsOf("send")},
	infoUint(FieldLastDataSent, "lastsnd", clock),
	infoUint(FieldLastDataRecv, "lastrcv", clock),
	infoUint(FieldLastAckRecv, "lastack", clock),
	infoRate(FieldPacingRate, "pacing_rate"),
	infoRate(FieldMaxPacingRate, "max_pacing_rate"),
	infoRate(FieldDeliveryRate, "delivery_rate"),
	infoUint(FieldDelivered, "delivered", counter),
	infoUint(FieldDeliveredCE, "delivered_ce", counter),
	infoWholeMillis(FieldBusyTime, "busy"),
	infoWholeMillis(FieldRwndLimited, "rwnd_limited"),
	infoWholeMillis(FieldSndbufLimited, "sndbuf_limited"),
	infoUint(FieldUnacked, "unacked", steady),
	infoUint(FieldRetrans, "retrans", steady),
	infoUint(FieldTotalRetrans, "total_retrans", counter),
	infoUint(FieldLost, "lost", steady),
	{name: "sacked", theirs: uintOf("sacked"), ours: func(s *Socket) (float64, bool) {
		v, ok := s.Info.Get(FieldSacked)
		return float64(v), ok && s.State != StateListen // on a listener it is SendQueue
	}},
	infoUint(FieldDSACKDups, "dsack_dups", counter),
	hide(infoUint(FieldReordering, "reordering", steady), func(v float64) bool { return v == 3 }),
	infoUint(FieldReordSeen, "reord_seen", counter),
	infoMicros(FieldRcvRTT, "rcv_rtt", steady),
	infoUint(FieldRcvSpace, "rcv_space", steady),
	infoUint(FieldRcvSsthresh, "rcv_ssthresh", steady),
	infoUint(FieldNotsentBytes, "notsent", steady),
	infoMicros(FieldMinRTT, "minrtt", steady),
	infoUint(FieldRcvOOOPack, "rcv_ooopack", counter),
	infoUint(FieldSndWnd, "snd_wnd", steady),

	bbr("bbr.bw", bitsOf("bbr.bw"), func(b *BBRInfo) float64 { return 8 * float64(b.Bandwidth) }),
	bbr("bbr.mrtt", bbrMinRTT, func(b *BBRInfo) float64 { return float64(b.MinRTT) / 1000 }),
	bbr("bbr.pacing_gain", floatOf("bbr.pacing_gain"), func(b *BBRInfo) float64 { return float64(b.PacingGain) / 256 }),
	bbr("bbr.cwnd_gain", floatOf("bbr.cwnd_gain"), func(b *BBRInfo) float64 { return float64(b.CwndGain) / 256 }),
}

// timerTable has the words of ss for timers.
var timerTable = map[Timer]string{
	TimerNone: "", TimerRetransmit: "on", TimerKeepalive: "keepalive", TimerTimeWait: "timewait",
	TimerProbe: "persist", TimerDelayedACK: "unknown",
}

// agree returns an error if our figure differs from those of ss more than its motion
// allows. It reports whether ss prints a number for it.
func (n *figure) agree(s *Socket, before, after sstext.Row) (shown bool, err error) {
	ours, ok := n.ours(s)
	if !ok || (n.hidden != nil && n.hidden(ours)) {
		ours = 0
	}
	b, errBefore := n.theirs(before)
	a, errAfter := n.theirs(after)
	for _, err := range []error{errBefore, errAfter} {
		if err != nil && !errors.Is(err, sstext.ErrAbsent) {
			return false, err
		}
	}
	if !n.inRange(ours, b, a) {
		return false, disagreement{n.name, ours, b, a}
	}
	return ok && ours != 0, nil
}

func (n *figure) inRange(ours, before, after float64) bool {
	switch n.motion {
	case counter:
		return before <= ours && ours <= after
	case clock:
		if after < before { // reset between the readings
			return ours <= after+grain || ours >= before-grain
		}
		return before-grain <= ours && ours <= after+grain
	default:
		return near(ours, before) || near(ours, after)
	}
}

// near reports whether two numbers are equal to six digits, the precision of fractions in
// ss. Whole numbers below 2^53 must be equal.
func near(x, y float64) bool {
	if x == math.Trunc(x) && y == math.Trunc(y) && math.Max(x, y) < 1e5 {
		return x == y
	}
	return math.Abs(x-y) <= 5e-6*math.Max(x, y)
}
