package group

import "tcphealth_exporter/sampler"

// Counter is one of the kernel's counters per connection that groups sum up.
type Counter uint8

// The counters. Those of time are in ms; [Counter.Field] returns their kernel source.
const (
	SentBytes Counter = iota
	RetransmittedBytes
	AckedBytes
	ReceivedBytes
	SentSegments
	RetransmittedSegments
	DeliveredSegments
	DeliveredCESegments
	OutOfOrderSegments
	SegmentsOut
	SegmentsIn
	BusyTime
	ReceiverLimitedTime
	SndbufLimitedTime

	// NumCounters is the number of counters.
	NumCounters
)

// firstLasting is the first of the counters that a socket keeps when connect(2) with
// AF_UNSPEC disconnects it (Linux 6.18: tcp_disconnect zeroes the others).
const firstLasting = BusyTime

// wrap32 is the maximum of a counter of 32 bits.
const wrap32 = 1<<32 - 1

// counterTable has the field of tcp_info of each counter, and its maximum here.
var counterTable = [NumCounters]struct {
	field sampler.Field
	max   uint64
}{
	SentBytes:             {sampler.FieldBytesSent, 1<<64 - 1},
	RetransmittedBytes:    {sampler.FieldBytesRetrans, 1<<64 - 1},
	AckedBytes:            {sampler.FieldBytesAcked, 1<<64 - 1},
	ReceivedBytes:         {sampler.FieldBytesReceived, 1<<64 - 1},
	SentSegments:          {sampler.FieldDataSegsOut, wrap32},
	RetransmittedSegments: {sampler.FieldTotalRetrans, wrap32},
	DeliveredSegments:     {sampler.FieldDelivered, wrap32},
	DeliveredCESegments:   {sampler.FieldDeliveredCE, wrap32},
	OutOfOrderSegments:    {sampler.FieldRcvOOOPack, wrap32},
	SegmentsOut:           {sampler.FieldSegsOut, wrap32},
	SegmentsIn:            {sampler.FieldSegsIn, wrap32},
	BusyTime:              {sampler.FieldBusyTime, wrap32},
	ReceiverLimitedTime:   {sampler.FieldRwndLimited, wrap32},
	SndbufLimitedTime:     {sampler.FieldSndbufLimited, wrap32},
}

// Field returns the field of tcp_info behind the counter.
func (c Counter) Field() sampler.Field { return counterTable[c].field }

// Counters has a value for each [Counter]: those of one connection, or a sum of
// increases.
type Counters [NumCounters]uint64

// CountersOf returns the counters in tcp_info.
func CountersOf(info *sampler.TCPInfo) Counters {
	return Counters{
		SentBytes:             info.BytesSent(),
		RetransmittedBytes:    info.BytesRetrans(),
		AckedBytes:            info.BytesAcked(),
		ReceivedBytes:         info.BytesReceived(),
		SentSegments:          uint64(info.DataSegsOut()),
		RetransmittedSegments: uint64(info.TotalRetrans()),
		DeliveredSegments:     uint64(info.Delivered()),
		DeliveredCESegments:   uint64(info.DeliveredCE()),
		OutOfOrderSegments:    uint64(info.RcvOOOPack()),
		SegmentsOut:           uint64(info.SegsOut()),
		SegmentsIn:            uint64(info.SegsIn()),
		BusyTime:              uint64(uint32(info.BusyTime() / 1000)),
		ReceiverLimitedTime:   uint64(uint32(info.RwndLimited() / 1000)),
		SndbufLimitedTime:     uint64(uint32(info.SndbufLimited() / 1000)),
	}
}

// Since returns the increases after before. A counter that wrapped has continued; one
// that fell by more was restarted, and so were all counters that a socket does not
// keep. What the socket did between before and the restart is lost.
func (c *Counters) Since(before *Counters) (added Counters) {
	restarted := false

	for k := range c {
		limit := counterTable[k].max
		added[k] = (c[k] - before[k]) & limit

		if added[k] > limit/2 {
			added[k] = 0
			restarted = restarted || Counter(k) < firstLasting
		}
	}

	if restarted {
		copy(added[:firstLasting], c[:firstLasting])
	}

	return added
}

// LimitTimes caps the counters of time to so many ms.
func (c *Counters) LimitTimes(ms int64) {
	for k := firstLasting; k < NumCounters; k++ {
		c[k] = min(c[k], uint64(max(0, ms)))
	}
}

// Add adds other to c.
func (c *Counters) Add(other *Counters) {
	for k := range c {
		c[k] += other[k]
	}
}

// CounterSet is a set of counters.
type CounterSet uint32

// Has reports whether c is in the set.
func (s CounterSet) Has(c Counter) bool { return s&(1<<c) != 0 }

// CountersIn returns the counters that the kernel behind any tcp_info provides.
func CountersIn(info *sampler.TCPInfo) (s CounterSet) {
	for k := range NumCounters {
		if info.Has(counterTable[k].field) {
			s |= 1 << k
		}
	}

	return s
}
