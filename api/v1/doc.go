// Package v1 has the types of the answers of the HTTP API, version 1: the server
// marshals them and clients unmarshal them, to the same bytes. docs/api.md describes the
// requests.
//
// Durations are in seconds and sizes in bytes; times have milliseconds. "The kernel"
// stands for the sock_diag(7) message about the socket, and fields named tcpi_... are of
// its struct tcp_info. New fields may be added; unmarshalling ignores unknown ones.
package v1
