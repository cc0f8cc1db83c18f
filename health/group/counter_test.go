package group

import "testing"

func TestCountersSince(t *testing.T) {
	const mega = 1 << 20

	one := func(k Counter, v uint64) (c Counters) {
		c[k] = v

		return c
	}
	both := func(k Counter, v uint64, l Counter, w uint64) Counters {
		c := one(k, v)
		c[l] = w

		return c
	}

	for name, tc := range map[string]struct{ before, now, want Counters }{
		"nothing":                    {one(SentBytes, 5), one(SentBytes, 5), Counters{}},
		"more bytes":                 {one(SentBytes, 5), one(SentBytes, 12), one(SentBytes, 7)},
		"more than 32 bits of bytes": {one(AckedBytes, 5), one(AckedBytes, 1<<40), one(AckedBytes, 1<<40-5)},
		"a wrap":                     {one(SentSegments, wrap32), one(SentSegments, 9), one(SentSegments, 10)},
		"half a turn":                {one(SegmentsIn, 0), one(SegmentsIn, 1<<31-1), one(SegmentsIn, 1<<31-1)},
		"begun again": {
			both(SentBytes, 9*mega, RetransmittedSegments, 3), both(SentBytes, mega, RetransmittedSegments, 5),
			both(SentBytes, mega, RetransmittedSegments, 5),
		},
		"begun again, and what looks like a wrap": {
			both(SentBytes, mega, SegmentsOut, 3<<30), both(SentBytes, 7, SegmentsOut, 2),
			both(SentBytes, 7, SegmentsOut, 2),
		},
		"begun again, by segments alone": {one(OutOfOrderSegments, 9), one(OutOfOrderSegments, 3), one(OutOfOrderSegments, 3)},
		"begun again, the times go on": {
			both(ReceivedBytes, 9, BusyTime, 5000), both(ReceivedBytes, 1, BusyTime, 5100),
			both(ReceivedBytes, 1, BusyTime, 100),
		},
		"a wrap of a time":         {one(BusyTime, wrap32), one(BusyTime, 99), one(BusyTime, 100)},
		"a time that goes back":    {one(SndbufLimitedTime, 5000), one(SndbufLimitedTime, 4990), Counters{}},
		"it takes nothing with it": {both(SndbufLimitedTime, 5000, SentBytes, 10), both(SndbufLimitedTime, 4990, SentBytes, 12), one(SentBytes, 2)},
	} {
		if got := tc.now.Since(&tc.before); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
