// Package v1 has the types of the JSON that the HTTP API serves under /api/v1, shared by
// the server and its clients. docs/api.md explains the requests.
//
// Times are RFC 3339 in UTC with milliseconds. Durations are seconds, sizes are bytes.
// What the kernel does not provide is absent, not zero.
package v1
