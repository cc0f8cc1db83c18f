//go:build race

package sampler

// raceDetector reports whether the race detector runs, which allocates by itself.
const raceDetector = true
