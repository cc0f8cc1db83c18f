// Package collector exposes what the health package found as Prometheus
// metrics.
//
// The catalogue (catalogue.go and the tables it joins) is the single truth
// about names, types, labels and meanings: what is exposed and the documentation
// follow from it.
//
// A scrape reads one immutable snapshot. It touches neither the kernel nor the
// tracker, so any number of scrapes may run at any time without delaying a
// sample. The [Gatherer] costs so little because nothing is made again: each
// family has a column of series whose memory is used again, labels are made
// once per exported connection, and scrapes of one snapshot share
// what was gathered for the first of them.
//
// Metrics about the program itself ([SamplerMetrics], [ConfigMetrics], [WebMetrics],
// [NewLogMetrics], [NewNetnsMetrics], [NewRecordingMetrics]) are collectors for an ordinary registry.
package collector
