// Package proctcp reads the TCP sockets of a network namespace from the files tcp and tcp6
// of /proc/PID/net, which every user may read for every process. They replace INET_DIAG
// where it is refused, or where the namespace cannot be entered.
//
// The files have fewer fields: see [Reader].
package proctcp
