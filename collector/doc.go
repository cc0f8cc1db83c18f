// Package collector exposes what the health package found as Prometheus
// metrics.
//
// The catalogue (catalogue.go and the tables it joins) is the single truth
// about names, types, labels and meanings: Describe, Collect and the
// documentation follow from it.
//
// Collect reads one immutable snapshot. It touches neither the kernel nor the
// tracker, so any number of scrapes may run at any time without delaying a
// sample.
package collector
