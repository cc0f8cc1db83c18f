//go:build race

package sampler

// raceDetector tells that the race detector runs, which allocates on its own.
const raceDetector = true
