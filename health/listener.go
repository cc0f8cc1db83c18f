package health

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"tcphealth_exporter/health/export"
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

type listening struct {
	labels            export.Identity
	generation        uint32
	queue, limit      uint32
	current, previous uint32 // highest queues of this period and the last one
}

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
		s = &listening{labels: export.Identity{
			LocalAddress: listenAddress(ap.Addr(), row.Family),
			LocalPort:    strconv.Itoa(int(ap.Port())),
		}}
		l.byEndpoint[row.Local] = s
	}

	if s.generation != generation || fuller(row.RecvQueue, row.SendQueue, s.queue, s.limit) {
		s.generation, s.queue, s.limit = generation, row.RecvQueue, row.SendQueue
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

// appendTo appends the listeners of the generation and forgets the others.
func (l *listeners) appendTo(all []Listener, generation uint32, atMS int64) []Listener {
	turned := atMS/highWaterMS != l.period
	skipped := atMS/highWaterMS > l.period+1
	l.period = atMS / highWaterMS

	maps.DeleteFunc(l.seen, func(_ uint64, g uint32) bool { return g != generation })

	for endpoint, s := range l.byEndpoint {
		if s.generation != generation {
			delete(l.byEndpoint, endpoint)

			continue
		}

		if turned {
			s.previous, s.current = s.current, 0
		}

		if skipped {
			s.previous = 0
		}

		s.current = max(s.current, s.queue)
		all = append(all, Listener{
			LocalAddress: s.labels.LocalAddress,
			LocalPort:    s.labels.LocalPort,
			AcceptQueue:  s.queue,
			Limit:        s.limit,
			Max:          max(s.current, s.previous),
		})
	}

	return all
}

// listening returns the listeners of all namespaces in a fixed order. Of those with the
// same address and port, the one with the fullest accept queue counts.
func (t *Tracker) listening(atMS int64) []Listener {
	n := 0
	for _, s := range t.spaces {
		n += len(s.listeners.byEndpoint)
	}

	all := make([]Listener, 0, n)
	for _, s := range t.spaces {
		all = s.listeners.appendTo(all, s.generation, atMS)
	}

	slices.SortFunc(all, func(a, b Listener) int {
		return cmp.Or(
			cmp.Compare(a.LocalAddress, b.LocalAddress),
			cmp.Compare(a.LocalPort, b.LocalPort),
			cmp.Compare(uint64(b.AcceptQueue)*uint64(a.Limit), uint64(a.AcceptQueue)*uint64(b.Limit)), // see fuller
		)
	})

	return slices.CompactFunc(all, func(a, b Listener) bool {
		return a.LocalAddress == b.LocalAddress && a.LocalPort == b.LocalPort
	})
}
