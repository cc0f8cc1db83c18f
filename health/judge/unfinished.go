package judge

// Unfinished reports whether the connection cannot have ended regularly within the usual
// time between two samples in ms: its peer answers neither timeouts nor probes, its window
// is closed, or more data is unsent than the connection has recently delivered in twice
// that time.
func (e *Evidence) Unfinished(usual int64) bool {
	if !e.outstanding && e.queue.now == 0 {
		return false
	}

	again := e.timeouts > 1 || e.probes > 1 || e.timeouts > 0 && float64(usual) <= (e.rto-e.sinceTimeout)*msPerSecond
	backlog := e.ownRate > 0 && e.queue.now > 2*e.ownRate*float64(usual)/msPerSecond

	return again || e.zeroWindow || backlog
}
