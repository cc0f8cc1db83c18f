// Package health tracks TCP connections over time. docs/health.md explains statuses.
//
// # Life of a sample
//
// A [Tracker] gets the sockets of one dump of a network namespace. It finds each
// connection by its cookie, or adds it (admit.go), lets [judge.State] judge it
// (judge.go), counts it in its group (account.go), and considers it for series of its
// own (exporting.go). When the dump is complete, connections that dumps have missed end
// (ended.go), and a [Snapshot] is published. It is immutable and shared by all readers.
// A [Search] answers queries in steps between two samples.
//
// # Namespaces
//
// Each network namespace has a state of its own (space.go): index, clock, listeners,
// connections at rest. A namespace that is sampled less often, or fails, neither ends
// nor delays the connections of another one.
//
// # Counters
//
// Groups count what happens between two samples, so that a counter neither falls when a
// connection ends nor depends on its readers:
//
//   - A connection in the first sample counts from then on; one that opens later
//     counts from its beginning.
//   - A counter that falls was restarted with its socket, and counts from zero. A
//     counter of 32 bits that wraps continues.
//   - What a connection does after the last sample with it is lost.
//   - A connection that is not tracked is not counted; one that gets its turn in a
//     crowded table counts from then on.
//
// # Memory and CPU
//
// Connections are stored in slabs without pointers (slab.go, [window.Pool]). The table has
// a hard cap, above which connections are tracked in rotation (admission.go).
// Connections at rest cost next to nothing (rest.go).
//
// Time is always an argument; the package has no clock of its own.
package health
