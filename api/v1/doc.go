// Package v1 has the types of the JSON that the HTTP API serves under /api/v1, shared by
// the server and its clients: what one marshals, the other unmarshals. docs/api.md explains
// the requests.
//
// Durations are in seconds and sizes in bytes; times have milliseconds. "The kernel"
// stands for the sock_diag(7) message about the socket, and fields named tcpi_... are of
// its struct tcp_info. New fields may be added; unmarshalling ignores unknown ones.
package v1
