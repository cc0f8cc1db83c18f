package group

import "strings"

// Place is an exported group.
type Place struct {
	Group

	rtt   Distribution
	entry int32 // noPlace for [Other]
	// closeWaits counts its connections in CLOSE_WAIT by the second since when.
	closeWaits map[uint32]int
	// emptySince is since when it has no members, in ms on the tracker's clock,
	// zero while it has some.
	emptySince int64
}

// Count adds a connection n times; -1 removes it.
func (p *Place) Count(m Member, n int) {
	p.Counts.Add(m, n)

	if since := m.CloseWaitSince; since != 0 {
		p.countCloseWait(since, n)
	}
}

// countCloseWait counts a connection in CLOSE_WAIT. Only if the one that was so for longest
// leaves, the others have to be compared.
func (p *Place) countCloseWait(since uint32, n int) {
	if p.closeWaits == nil {
		p.closeWaits = make(map[uint32]int)
	}

	p.closeWaits[since] += n

	switch {
	case p.closeWaits[since] != 0:
		if p.CloseWaitSince == 0 || since < p.CloseWaitSince {
			p.CloseWaitSince = since
		}
	case since == p.CloseWaitSince:
		delete(p.closeWaits, since)
		p.CloseWaitSince = minKey(p.closeWaits)
	default:
		delete(p.closeWaits, since)
	}
}

// minKey returns the smallest key, zero if there is none.
func minKey(m map[uint32]int) (smallest uint32) {
	for k := range m {
		if smallest == 0 || k < smallest {
			smallest = k
		}
	}

	return smallest
}

// ObserveRTT adds a round-trip time in seconds.
func (p *Place) ObserveRTT(seconds float64) { p.rtt.Observe(seconds) }

func newPlace(entry int32, labels []string) Place {
	return Place{entry: entry, Group: Group{Labels: labels, Name: strings.Join(labels, "/")}, rtt: NewDistribution(rttBoundTable)}
}
