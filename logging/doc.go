// Package logging provides the log of the program: lines that wait in a bounded queue, so
// that a reader that has stopped stops nothing else, and messages whose repetition is
// limited.
package logging
