// Package owner finds out whose a connection is. Look-ups come from the goroutine that
// samples, so they never block and never read files there: what is unknown is read in
// the background and known later.
package owner
