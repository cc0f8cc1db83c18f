// Package lab decides whether verdicts can be trusted: it makes healthy and failing connections for real and lets the
// real exporter judge them.
//
// A [Scenario] is a connection over a path between two namespaces, what travels on it, and what becomes of it. Running
// it gives a [Scene], in which watchers sample the near namespace at several intervals, as the program does, and keep
// what they said at what time. Judging is apart from running, and pure: a [Story] is what one watcher said, an
// [Expectation] what it should have said, a [Finding] the comparison.
//
// # The rules of the lab
//
// The clock of a failing scenario starts at the first moment at which the fault can be seen from the near namespace:
// when the path drops the first packet, or the peer's window closes. Detected is the first verdict of at least the
// wanted status and of a wanted cause, if it holds for four fifths of the time to the end of the fault, and was not
// there in the three seconds before the fault. A run in which the lab itself stalled is repeated.
package lab
