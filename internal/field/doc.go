// Package field runs programs of Debian over paths with injected faults and compares what the exporter reports with what
// is expected of each.
//
// A row of the table is a program, a path, and an expectation: the worst status allowed, or, for a fault, the status, the
// cause and the time limit. The clients of a row are in one network namespace, the servers in another. The package has
// tests only. [tcphealth_exporter/internal/lab] judges connections of its own in the same way.
package field
