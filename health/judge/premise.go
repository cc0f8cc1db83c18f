package judge

import "tcphealth_exporter/sampler"

// premises are conditions of a connection. A flag can be active only while one of its
// rule's premises holds, and few hold for most connections: evaluating only those
// rules saves a third of the cost of a connection that is not at rest
// (BenchmarkUpdate).
type premises uint8

const (
	// ifWaiting: something is outstanding or has timed out.
	ifWaiting premises = 1 << iota
	// ifFlowing: data is in flight, or was acknowledged within the window.
	ifFlowing
	// ifTroubled: retransmissions or CE marks in the window, or a ca_state other than Open.
	ifTroubled
	// ifQueued: data waits to be sent.
	ifQueued
	// ifBusy: something waited to be sent within the window.
	ifBusy
	// ifHalted: the peer's window is closed, the application reads nothing or does not
	// close, or the status came and went.
	ifHalted

	allPremises = ifWaiting | ifFlowing | ifTroubled | ifQueued | ifBusy | ifHalted
)

// premises returns those that hold.
func (e *Evidence) premises() premises {
	return when(e.outstanding || e.timeouts > 0, ifWaiting) |
		when(e.progress || e.unacked > 0, ifFlowing) |
		when(e.window.Retrans > 0 || e.window.DeliveredCE > 0 || e.caState != sampler.CAOpen, ifTroubled) |
		when(e.queue.now > 0 || e.heldQueue > 0, ifQueued) |
		when(e.window.Busy > 0, ifBusy) |
		when(e.zeroWindow || e.unreadFor > 0 || e.closeWaitFor > 0 || e.entries > 0, ifHalted)
}

func when(holds bool, p premises) premises {
	if !holds {
		return 0
	}

	return p
}

// premiseTable maps each set of premises to the flags that may be active.
var premiseTable = func() (rules [allPremises + 1]Flags) {
	for p := range rules {
		for f := range ruleTable {
			if ruleTable[f].only&premises(p) != 0 {
				rules[p] |= 1 << f
			}
		}
	}

	return rules
}()
