// Package netlab builds small networks out of network namespaces, for tests that need real sockets of a real kernel.
//
// A [Namespace] is a network namespace of its own with the loopback interface up, IPv6 included. [Join] lays a cable
// between two of them, [NewPath] a path that delays, loses and queues packets, and [NewNetemPath] the same by other means,
// for comparison. Inside, Listen, Dial and Pair give sockets, Run and Start give processes, Sysctl turns the namespace's
// knobs, and Do runs any function. Whatever a test makes is gone when the test is over: connections, processes, threads,
// file descriptors, and with them the namespace.
//
// # Threads
//
// A namespace belongs to a thread, while the Go scheduler moves goroutines between threads. So every function that has
// to be inside runs on a thread of its own, which enters the namespace, never leaves it, and dies with its goroutine.
// Nothing outside can ever find itself inside by accident. Three consequences are worth knowing:
//
//   - Only the goroutine that Do started is inside. A goroutine that it starts in turn is not.
//   - A socket keeps the namespace it was created in. It may be used from any goroutine afterwards.
//   - Calls of Do do not wait for each other: a Dial that no one answers holds up nothing but itself.
//
// # Privileges
//
// Making a namespace needs CAP_SYS_ADMIN and configuring it CAP_NET_ADMIN. Tests call [RequireRoot] first, which skips
// them for ordinary users and fails them where skipping would go unseen, in continuous integration.
package netlab
