// Package netns follows the network namespaces of the host other than the exporter's own,
// and samples their sockets.
//
// # Discovery
//
// A network namespace is found through its processes, without any privilege: the file
// /proc/PID/net/tcp has one inode number per namespace. The number does not change while
// the namespace exists, and may belong to another one right after. It is therefore no
// identity: the cookie of the namespace (SO_NETNS_COOKIE), read from the socket itself, is.
//
// # Life of a namespace
//
//	found ──► settled ──► watched ──► ended
//	             ▲           │
//	             └── lost ◄──┘  another process of the namespace takes over
//
// A socket keeps its network namespace alive, and a namespace without processes still
// answers on its addresses. So a watched namespace has an anchor, one of its processes.
// When the anchor ends, the socket is closed first. Then another process of the namespace
// is looked for. No descriptor of a namespace is ever kept.
//
// # Goroutines
//
// [Watcher.Run] discovers and opens on its own goroutine. [Watcher.Sample] and the sources
// belong to the sampling goroutine. They share the list of namespaces, and for each one its
// socket under a lock, which lets Run close it between two samples.
//
// # Without privilege
//
// Without an [Opener] there are no sockets: namespaces are sampled by the files of an
// anchor, at a pace of their own. Everything else is the same.
//
// # Pure and edge
//
// The decisions are pure functions of what was read and when: which processes to look at
// (census.go), the life of each namespace (table.go), numbers (spaces.go) and the order of a
// tick (turn.go).
package netns
