// Package api serves single connections over HTTP, in JSON: the worst ones,
// those that a filter selects, or one by its cookie. docs/api.md describes it for
// users.
//
// # From request to answer
//
//	HTTP request ─ parse ─► health.Query ─ question ─► sampling goroutine
//	                                                     health.Search, in steps
//	HTTP answer ◄─ encode ── health.Answer ◄─────────────┘
//
// The sampling goroutine owns the tracker, so it answers questions between two samples,
// in steps that end before the next sample is due. Parsing and encoding take longer and
// are done on the goroutine of the request. A question ends when its client disconnects,
// and the number of open questions is limited.
//
// # Age of the data
//
// Verdicts are from the last sample or recheck. The tracker keeps tcp_info of a few
// connections only, so it is read from the kernel for each connection in the answer.
package api
