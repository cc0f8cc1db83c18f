// Package faults makes single system calls of an unmodified program fail, as they do when a
// resource is exhausted or a disk has errors. A seccomp filter notifies the test of each
// call; the test makes the n-th call of a kind in a phase fail and allows all others.
package faults
