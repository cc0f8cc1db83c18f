// Package web is the HTTP server: routes, probes, the endpoint that reloads the
// configuration, the landing page and the handler of scrapes. What it serves is passed
// in: handlers and functions, not the parts of the program behind them.
//
// The handler of scrapes renders answers into memory and then sends them, so that a
// client that does not read delays no one.
package web
