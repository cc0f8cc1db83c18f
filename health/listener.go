package health

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"tcphealth_exporter/sampler"
)

// highWaterMS is the length in ms of the two periods over which the maximum accept queue
// is kept. Such a trailing period is the same for any number of scrapers at any
// interval.
const highWaterMS = 60_000

// listeners are the listening sockets of a network namespace.
type listeners struct {
	byEndpoint map[sampler.Endpoint]*listening
	seen       map[uint64]uint32 // generation by cookie
	openings   openings
	period     int64
}

// listening is an address and port with listening sockets.
type listening struct {
	Listener

	generation        uint32
	current, previous uint32 // highest queues of this period and the last one
	// firstSeen is in ms on the tracker's clock, zero until the end of its first sample.
	// old: it was there before the exporter. exported: it has series of its own.
	firstSeen     int64
	old, exported bool
	// goneAt is since when it does not listen, zero while it does.
	goneAt int64
}

// returnMS is for how long an exported listener keeps its place after it is gone: one that
// its service restarts has the same series at once.
const returnMS = 120_000

// observe adds a socket of a generation, and reports whether it is new in it.
func (l *listeners) observe(row *sampler.Socket, generation uint32) bool {
	if l.byEndpoint == nil {
		l.byEndpoint = make(map[sampler.Endpoint]*listening)
		l.seen = make(map[uint64]uint32)
		l.openings = make(openings)
	}

	if l.seen[row.Cookie] == generation {
		return false
	}

	l.seen[row.Cookie] = generation
	l.openings.observe(row, generation)

	s := l.byEndpoint[row.Local]
	if s == nil {
		ap := row.Local.AddrPort()
		s = &listening{Listener: Listener{
			LocalAddress: listenAddress(ap.Addr(), row.Family),
			LocalPort:    strconv.Itoa(int(ap.Port())),
		}}
		l.byEndpoint[row.Local] = s
	}

	limit := row.SendQueue
	if row.Has(sampler.FromProc) {
		limit = LimitUnknown
	}

	if s.generation != generation || fuller(row.RecvQueue, limit, s.AcceptQueue, s.Limit) {
		s.generation, s.AcceptQueue, s.Limit = generation, row.RecvQueue, limit
	}

	return true
}

// fuller reports whether an accept queue is filled to a larger share than another one.
func fuller(queue, limit, otherQueue, otherLimit uint32) bool {
	return uint64(queue)*uint64(otherLimit) > uint64(otherQueue)*uint64(limit)
}

// listenAddress distinguishes the wildcards of the two address families.
func listenAddress(a netip.Addr, family sampler.Family) string {
	if family == sampler.FamilyIPv6 && a.Is4() {
		return netip.AddrFrom16(a.As16()).String()
	}

	return a.String()
}

// appendTo appends the listeners of the generation and forgets the others. first: it is the
// first sample of the namespace.
func (l *listeners) appendTo(all []*listening, generation uint32, first bool, atMS int64) []*listening {
	turned := atMS/highWaterMS != l.period
	skipped := atMS/highWaterMS > l.period+1
	l.period = atMS / highWaterMS

	maps.DeleteFunc(l.seen, func(_ uint64, g uint32) bool { return g != generation })

	for endpoint, s := range l.byEndpoint {
		if s.generation != generation {
			l.leave(endpoint, s, atMS)

			continue
		}

		s.goneAt = 0

		if turned {
			s.previous, s.current = s.current, 0
		}

		if skipped {
			s.previous = 0
		}

		if s.firstSeen == 0 {
			s.firstSeen, s.old = atMS, first
		}

		s.current = max(s.current, s.AcceptQueue)
		s.Max = max(s.current, s.previous)
		all = append(all, s)
	}

	return all
}

// leave forgets a listener that is gone, an exported one after a while.
func (l *listeners) leave(endpoint sampler.Endpoint, s *listening, atMS int64) {
	if s.goneAt == 0 {
		s.goneAt, s.current, s.previous = atMS, 0, 0
	}

	if !s.exported || atMS-s.goneAt >= returnMS {
		delete(l.byEndpoint, endpoint)
	}
}

// listening returns the listeners of all namespaces in a fixed order, and how many have no
// series of their own. Of those with the same address and port, the one with the fullest
// accept queue counts.
func (t *Tracker) listening(atMS int64) (exported []Listener, unexported int) {
	var all []*listening
	for _, s := range t.spaces {
		all = s.listeners.appendTo(all, s.listenedIn, s.first, atMS)
	}

	slices.SortFunc(all, func(a, b *listening) int {
		return cmp.Or(
			cmp.Compare(a.LocalAddress, b.LocalAddress),
			cmp.Compare(a.LocalPort, b.LocalPort),
			cmp.Compare(uint64(b.AcceptQueue)*uint64(a.Limit), uint64(a.AcceptQueue)*uint64(b.Limit)), // see fuller
		)
	})

	all = slices.CompactFunc(all, func(a, b *listening) bool {
		return a.LocalAddress == b.LocalAddress && a.LocalPort == b.LocalPort
	})

	n := t.exportListeners(all, atMS)
	exported = make([]Listener, 0, n)

	for _, l := range all {
		if l.exported {
			exported = append(exported, l.Listener)
		}
	}

	return exported, len(all) - n
}

// exportListeners decides which listeners have series of their own, and returns how many:
// within the budget those with a queue that was half full first, then those that had series
// before, then the oldest. One that is new waits for the minimum age of healthy connections,
// unless its queue fills, and appears at the pace of connections.
func (t *Tracker) exportListeners(all []*listening, atMS int64) (n int) {
	if len(all) == 0 || t.cfg.MaxListeners < 0 {
		return 0
	}

	minAge := t.cfg.Export.MinAge.Milliseconds()
	ranked := slices.DeleteFunc(slices.Clone(all), func(l *listening) bool {
		return !l.old && !l.filled() && atMS-l.firstSeen < minAge
	})

	if len(ranked) > t.cfg.MaxListeners {
		slices.SortStableFunc(ranked, func(a, b *listening) int {
			return cmp.Or(falseFirst(b.filled(), a.filled()), falseFirst(b.exported, a.exported), cmp.Compare(a.firstSeen, b.firstSeen))
		})
	}

	t.listenerPace.Advance(atMS)

	ranked = slices.DeleteFunc(ranked[:min(len(ranked), t.cfg.MaxListeners)], func(l *listening) bool {
		return !l.exported && !t.admitListener()
	})

	for _, l := range all {
		l.exported = false
	}

	for _, l := range ranked {
		l.exported = true
	}

	return len(ranked)
}

// admitListener reports whether one more listener may get series.
func (t *Tracker) admitListener() bool {
	allowed := t.listenerPace.Allows()
	if allowed {
		t.listenerPace.Spend()
	}

	return allowed
}

// filled reports whether the accept queue was recently half full.
func (l *listening) filled() bool { return l.Max > 0 && 2*uint64(l.Max) >= uint64(l.Limit) }

// falseFirst orders two values.
func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
