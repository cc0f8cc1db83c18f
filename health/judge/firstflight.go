package judge

// followFirstFlight sets firstFlight if what is unanswered is the first flight of a new bulk
// sender. The slow start of others may push it and its first retransmissions out of a queue.
func (e *Evidence) followFirstFlight(m *Moment) {
	const (
		soon     = 1   // seconds from the first sample to the first flight
		patience = 2.5 // seconds
	)

	seen := float64(m.At-m.FirstSeen) / msPerSecond
	e.firstFlight = e.bulk() && !e.fullAcked && e.age < patience && seen-e.age < soon
}
