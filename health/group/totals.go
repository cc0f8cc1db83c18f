package group

import "tcphealth_exporter/health/judge"

// Totals are sums over connections since the exporter started, or since a group got
// its place.
type Totals struct {
	// Counters are the increases while the connections were tracked. Known are the
	// counters that the kernel provides.
	Counters Counters
	Known    CounterSet
	// StatusEntries counts transitions into each status. A connection that starts
	// HEALTHY makes none.
	StatusEntries [judge.NumStatuses]uint64
	// Windows counts events of the peers' receive windows.
	Windows judge.WindowEvents
	// EdgeKnown reports whether the kernel provides the right edge of the window.
	EdgeKnown bool
	// Opened counts connections that appeared, Closed those that ended.
	Opened, Closed uint64
	// Ended counts ends by their reason, which the package health defines. It includes
	// connections that are no longer tracked although they may be alive.
	Ended [NumEndReasons]uint64
}

// NumEndReasons is the number of reasons why connections end.
const NumEndReasons = 7

// Get returns a counter, and reports whether the kernel provides it.
func (t *Totals) Get(c Counter) (uint64, bool) { return t.Counters[c], t.Known.Has(c) }

// Add adds other to t.
func (t *Totals) Add(other *Totals) {
	t.Counters.Add(&other.Counters)
	t.Windows.Add(&other.Windows)
	t.Opened += other.Opened
	t.Closed += other.Closed

	for s, n := range other.StatusEntries {
		t.StatusEntries[s] += n
	}

	for r, n := range other.Ended {
		t.Ended[r] += n
	}
}
