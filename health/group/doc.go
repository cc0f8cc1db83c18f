// Package group aggregates connections into groups by dimensions: counts of the last
// sample, counters that never fall, and distributions.
//
// A [Table] has a budget of exported groups; the connections of all other groups are
// counted in [Other]. It knows groups by [ID] only, not the connections in them.
package group
