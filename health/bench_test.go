package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/export"
)

// BenchmarkUpdate is a tick over 10,000 connections that come and go never.
func BenchmarkUpdate(b *testing.B) {
	for name, unhealthy := range map[string]int{"healthy": 0, "half_ill": 5000} {
		b.Run(name, func(b *testing.B) {
			const n = 10_000

			tracker := NewTracker(Config{
				Export: export.Config{Max: 500, MinAge: 30 * time.Second, Hold: 5 * time.Minute},
			}, func(*Snapshot) {})
			sockets := population(b, n, unhealthy)
			now := start
			tick := func() {
				feed(tracker, now, sockets)
				now = now.Add(time.Second)
			}

			for range 15 { // fills the windows
				tick()
			}

			b.ReportAllocs()

			for b.Loop() {
				tick()
			}

			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/connection")
			b.ReportMetric(float64(tracker.bytes())/n, "B/connection")
		})
	}
}

// BenchmarkSearch finds the worst thousand of 10,000 connections.
func BenchmarkSearch(b *testing.B) {
	const n = 10_000

	tracker := NewTracker(Config{}, func(*Snapshot) {})
	feed(tracker, start, population(b, n, n/100))
	b.ReportAllocs()

	for b.Loop() {
		tracker.Search(Query{Limit: 1000}).Step(nil, func() bool { return true })
	}

	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/connection")
}
