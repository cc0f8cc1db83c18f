package health

import "tcphealth_exporter/sampler"

// Counter names one of the kernel's counters of a connection that are added up.
type Counter uint8

// The counters. Those of time are in ms, see [Counter.Field] for the kernel's
// names.
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

// firstLasting is the first of the counters that a socket keeps when it is
// disconnected by connect(2) with AF_UNSPEC (seen on Linux 6.18, whose
// tcp_disconnect zeroes the others).
const firstLasting = BusyTime

// wrap32 is where a counter of 32 bits begins again.
const wrap32 = 1<<32 - 1

// counterTable has the field of tcp_info of each counter, and the highest value
// that we see of it.
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

// Counters has a value for each [Counter]: what the kernel says of one
// connection, or a sum of changes.
type Counters [NumCounters]uint64

// countersOf returns what one row says.
func countersOf(info *sampler.TCPInfo) Counters {
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

// counted are the counters of a connection's last row that are needed for
// nothing else.
type counted struct {
	received                            uint64
	outOfOrder, segmentsOut, segmentsIn uint32
}

// since returns what was added after before. A counter that wrapped has gone on;
// one that fell further than that was begun anew, and so were all that a socket
// does not keep. What the socket did between before and its new beginning is not
// known to anybody.
func (c *Counters) since(before *Counters) (added Counters) {
	anew := false

	for k := range c {
		limit := counterTable[k].max
		added[k] = (c[k] - before[k]) & limit

		if added[k] > limit/2 {
			added[k] = 0
			anew = anew || Counter(k) < firstLasting
		}
	}

	if anew {
		copy(added[:firstLasting], c[:firstLasting])
	}

	return added
}

// limitTimes bounds the times to so many ms.
func (c *Counters) limitTimes(ms int64) {
	for k := firstLasting; k < NumCounters; k++ {
		c[k] = min(c[k], uint64(max(0, ms)))
	}
}

func (c *Counters) add(other *Counters) {
	for k := range c {
		c[k] += other[k]
	}
}

// CounterSet is a set of counters.
type CounterSet uint32

// Has tells whether c is in the set.
func (s CounterSet) Has(c Counter) bool { return s&(1<<c) != 0 }

// countersIn returns the counters that a kernel has, by any tcp_info of it.
func countersIn(info *sampler.TCPInfo) (s CounterSet) {
	for k := range NumCounters {
		if info.Has(counterTable[k].field) {
			s |= 1 << k
		}
	}

	return s
}

// Totals are sums over connections since the exporter started, or since a group
// got its place.
type Totals struct {
	// Counters are what the connections did while they were watched. Known are
	// those that the kernel has.
	Counters Counters
	Known    CounterSet
	// StatusEntries counts how often a connection got each status; to be HEALTHY
	// from the start is no entry.
	StatusEntries [NumStatuses]uint64
	// Windows counts what happened to the peers' receive windows.
	Windows WindowEvents
	// EdgeKnown tells whether the kernel has what shrinking windows are found by.
	EdgeKnown bool
	// Opened and Closed are those of [TrackerStats].
	Opened, Closed uint64
}

// Get returns a counter, and whether the kernel has it.
func (t *Totals) Get(c Counter) (uint64, bool) { return t.Counters[c], t.Known.Has(c) }

func (t *Totals) add(other *Totals) {
	t.Counters.add(&other.Counters)
	t.Windows.Add(&other.Windows)
	t.Opened += other.Opened
	t.Closed += other.Closed

	for s, n := range other.StatusEntries {
		t.StatusEntries[s] += n
	}
}
