// Package broker opens netlink sockets in other network namespaces for a process that may
// not enter them.
//
// The broker ([Serve]) has two capabilities, CAP_SYS_ADMIN and CAP_SYS_PTRACE, no network
// and no configuration. It listens on a Unix socket ([Listen]), whose file permissions
// decide who may connect. A client ([Dial]) names a process and gets a socket of the
// protocol NETLINK_SOCK_DIAG, opened in the network namespace of that process. It can list
// the sockets of that namespace, and nothing else.
//
// A request has 32 bytes, a reply 40, in little-endian byte order. A reply carries one
// descriptor at most. Nothing that the broker keeps refers to another namespace: a
// namespace ends with its last process and the last socket that a client keeps.
package broker
