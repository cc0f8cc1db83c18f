// Package promlab runs Debian's own Prometheus for tests, inside a network
// namespace, so that what is exposed is judged by what reads it.
package promlab
