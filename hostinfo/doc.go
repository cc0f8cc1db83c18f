// Package hostinfo reads what the host provides besides sockets: names of interfaces
// and services, cgroup ids, and the kernel's own counters.
package hostinfo
