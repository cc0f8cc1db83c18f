package group

const msPerSecond = 1e3

// Totals returns the sums over all connections ever tracked.
func (t *Table) Totals() (sum Totals) {
	sum.Add(&t.past)

	for i := range t.places {
		sum.Add(&t.places[i].Totals)
	}

	return sum
}

// Snapshot copies the groups at a time in ms on the tracker's clock. known and edgeKnown
// describe the kernel.
func (t *Table) Snapshot(at int64, known CounterSet, edgeKnown bool) []Group {
	all := make([]Group, len(t.places))

	for i := range t.places {
		p := &t.places[i]
		all[i] = p.Group
		all[i].Known, all[i].EdgeKnown = known, edgeKnown
		all[i].RTT = p.rtt.Snapshot()

		if p.CloseWaitSince != 0 {
			all[i].CloseWaitOldest = max(0, float64(at)/msPerSecond-float64(p.CloseWaitSince))
		}
	}

	return all
}

// Bytes returns the memory of the table.
func (t *Table) Bytes() int {
	const (
		perEntry = 24 + 4
		// A map entry is a string and a number; the text of a key is shared.
		perKey   = 24 + 48
		perPlace = 1024 // with a histogram of usual width
	)

	return cap(t.entries)*perEntry + len(t.byKey)*perKey + cap(t.free)*4 + cap(t.places)*perPlace
}
