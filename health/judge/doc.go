// Package judge judges one connection over time. It knows neither a table of
// connections nor where the sockets come from: [State.Observe] is its only door.
//
//	socket → window → evidence → flags → points → status, score, cause
//	                  follow.go rules.go  assess.go  verdict.go
//
// The rules are one table (rules.go): cause, figure (figures.go), thresholds and
// points of each flag, and its sentence (sentences.go). Within a cause only the
// highest flag counts, and the worst cause determines the status. Hysteresis follows:
// worse at once, better after a while. [Explain] renders the evidence of active flags as sentences.
//
// Durations are measured on a judging clock that stands still during gaps in
// sampling, so that a paused exporter raises no false alarm. Time is always an
// argument.
package judge

//go:generate go test . -run TestGoldenHealthDoc -update
