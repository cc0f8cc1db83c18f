// Package bytecode is the filter language: conditions on sockets in the words of
// ss(8), compiled to the bytecode of INET_DIAG, so that the kernel sends only the
// sockets that matter. It is pure: names are looked up by functions that are passed
// in, and programs are handed out as bytes.
//
// # The way of a filter
//
//	text ─ Parse ─► Filter ─ Simplify ─► Filter ─ Compile ─► Plan{Program, Rest}
//	                  │                                          │        │
//	                 Eval                                      Match     Eval
//
// A [Filter] is a tree of "and", "or" and "not" over terms. The terms about one end
// of a connection are all of one kind: a set of addresses and a set of ports, of
// which either may be everything. [Filter.Simplify] moves every "not" down to the
// terms and then merges terms by uniting and intersecting their sets: ports to
// ranges, hosts to prefixes.
//
// # Programs
//
// A program is a list of operations. Each one tests something, and continues with one
// place on a match and to another on a mismatch, forward only. The kernel insists
// that all mismatches lead to operations which the matches, one after another, pass
// through. So the compiler lets every match lead to the next operation and chooses
// the places of mismatches. To get behind the end is to accept, to get four bytes
// farther is to reject.
//
// Sets of ports and hosts are searched: one test for the middle port, or for a
// prefix that holds about half of the hosts, leaves one half to look at. A thousand
// ports are found, or not, with eleven tests.
//
// [Audit] states again what the kernel demands of a program, and [Match] what it
// does with it. Tests hold both against a live kernel.
//
// # The two parts of a plan
//
// Not every kernel can test everything, and it must not be given too much to test.
// [Filter.Compile] splits the filter where it is joined by "and", and leaves to
// user space what does not fit. What the kernel can test in part only, it tests in
// part: of "(sport = 80 and dev = 3) or sport = 81" without the test of interfaces,
// it gets "sport = 80-81", and user space looks again.
//
// Two terms are known to the kernel alone: autobound and fwmark. If one of them
// would be left to user space, the answer is a [KernelOnlyError], never a filter
// without it.
//
// # Families
//
// An IPv4 address or prefix is about sockets of IPv4 and of IPv6 with IPv4-mapped
// addresses; the kernel tests both at once. An IPv6 prefix is about sockets of IPv6
// only, with the mapped addresses below ::ffff:0:0/96. All ways to ask, Eval, Match
// and the kernel, agree on this.
package bytecode
