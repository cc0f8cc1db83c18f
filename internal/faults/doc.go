// Package faults makes single system calls of a program fail, as if the kernel had run out
// of something: the n-th call of a kind in a phase. A seccomp filter passes the calls to the
// test, which lets all others through. The program itself is not changed.
package faults
