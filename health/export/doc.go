// Package export decides which connections have series of their own.
//
// A [Table] has as many places as the budget allows. The worst connections get one
// first, the rate of new identities is limited, and a reused 4-tuple replaces its
// ended twin. It knows connections by their indexes only.
package export
