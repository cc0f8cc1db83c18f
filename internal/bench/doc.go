// Package bench measures what a tick costs against the bare kernel dump, in one
// run: times of shared machines mean something only as a ratio.
//
// The sockets live in a network namespace of their own, in processes of their
// own because of the limit of file descriptors. The benchmarks need root.
package bench
