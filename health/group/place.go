package group

import "strings"

// Place is an exported group.
type Place struct {
	Group

	rtt   Distribution
	entry int32 // noPlace for [Other]
	// emptySince is since when it has no members, in ms on the tracker's clock,
	// zero while it has some.
	emptySince int64
}

// ObserveRTT adds a round-trip time in seconds.
func (p *Place) ObserveRTT(seconds float64) { p.rtt.Observe(seconds) }

func newPlace(entry int32, labels []string) Place {
	return Place{entry: entry, Group: Group{Labels: labels, Name: strings.Join(labels, "/")}, rtt: NewDistribution(rttBoundTable)}
}
