// Package holder makes sockets in other processes, because one process may have
// only so many file descriptors and only one user.
package holder
