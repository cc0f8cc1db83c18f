// Package p tells what is ill.
package p
