// Package api serves single connections over HTTP, in JSON: the worst ones,
// those that a filter selects, or one by its cookie. docs/api.md describes it for
// users.
//
// # The way of a question
//
//	HTTP request ─ parse ─► health.Query ─ question ─► goroutine that samples
//	                                                     health.Search, in steps
//	HTTP answer ◄─ encode ── health.Answer ◄─────────────┘
//
// The tracker belongs to the goroutine that samples, so a question waits for the
// time between two samples and is answered there, in steps that end before the
// next sample is due. All that takes long, parsing and encoding, is done on the
// goroutine of the request. A client that goes away takes its question with it, and
// only a few questions may be open at once.
//
// # Statuses of the answers
//
// Verdicts are those of the last sample. The tracker keeps tcp_info of a few
// connections only, so it is read again for each connection in the answer.
package api
