// Package health follows TCP connections through time and judges them.
// docs/health.md explains verdicts.
//
// # The way of a row
//
// A [Tracker] finds the connection of a row by its cookie, pushes the row into
// the connection's window, gathers the evidence, and lets the rules judge it:
//
//	row → window → evidence → flags → points → status, score, cause
//	      window.go  follow.go  rules.go  assess.go  verdict.go
//
// The rules are one table (rules.go): cause, figure (figures.go), limits and
// points of each flag, and its sentence (sentences.go). Within a cause only the
// highest flag counts; causes add up. The verdict then passes a hysteresis:
// worse at once, better after a while. The evidence of connections with raised
// flags is kept, so that a [Search] can say why (explain.go).
//
// Limits are those of the connection's profile (policy.go). Between two samples,
// connections suspicious are read and judged again (watchlane.go).
//
// # Time
//
// Windows are spans of time. Durations are measured on a judging clock that
// stands still during gaps in sampling, so that a paused exporter accuses
// no one. Time is always an argument; the package has no clock of its own.
//
// # Groups
//
// Each connection belongs to a group, by its role and the addresses and ports
// that describe its purpose, see [group.Grouping]. Its role is found at the end
// of the first sample with it, when the listeners have come. Groups count what
// happens between two samples (account.go), so that a counter neither falls when
// a connection ends nor depends on who reads it:
//
//   - What was there at the first sample counts from then on; what is opened later
//     counts from its beginning.
//   - A counter that falls has been begun again with its socket, and counts from
//     zero. One of 32 bits that wraps has gone on.
//   - What a connection does behind the last sample with it is lost.
//   - Who is not followed is not counted; who gets a turn in a crowded table counts
//     from then on.
//
// # Bounds
//
// Connections live in slabs without pointers. The table has a hard cap; above
// it connections take turns (admission.go). What is shown one by one is bounded
// and sticky (export.go), and so are groups (groups.go). A [Snapshot] is immutable
// and shared by all readers. What it doesn't show is found by a [Search], in steps
// between two samples.
package health
