package broker

import (
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// thread opens sockets in network namespaces, on an OS thread that does nothing else: a
// goroutine that the runtime moved to a thread in another namespace would be there, too.
type thread struct {
	// home is a descriptor of the broker's own network namespace, which exists as long as
	// the broker.
	home int
	jobs chan job
	// replaced is called when another thread takes over, because this one cannot return.
	replaced func(error)
	group    sync.WaitGroup
}

// job is a socket to be opened.
type job struct {
	namespace int // a descriptor
	done      chan<- opening
}

// opening is the result of a job.
type opening struct {
	fd  int
	err error
}

func newThread(replaced func(error)) (*thread, error) {
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open own network namespace: %w", err)
	}

	t := &thread{home: home, jobs: make(chan job), replaced: replaced}
	t.group.Go(t.run)

	return t, nil
}

// open opens a socket in a network namespace, of which it takes a descriptor.
func (t *thread) open(namespace int) (int, error) {
	done := make(chan opening, 1)
	t.jobs <- job{namespace, done}
	o := <-done

	return o.fd, o.err
}

// close ends the thread. No job may be left.
func (t *thread) close() {
	close(t.jobs)
	t.group.Wait()

	_ = unix.Close(t.home)
}

// run does the jobs. It does not unlock its thread, so the thread ends with it.
func (t *thread) run() {
	runtime.LockOSThread()

	if unix.Gettid() == unix.Getpid() {
		t.besideMain()

		return
	}

	for j := range t.jobs {
		fd, err, stuck := t.openIn(j.namespace)
		j.done <- opening{fd, err}

		if stuck != nil { // a thread keeps the namespace that it is in
			t.replaced(stuck)
			t.group.Go(t.run)

			return
		}
	}
}

// besideMain runs on another thread than the main thread, which cannot be ended, and keeps
// that one waiting.
func (t *thread) besideMain() {
	var other sync.WaitGroup

	other.Go(t.run)
	other.Wait()
	runtime.UnlockOSThread()
}

// openIn opens a socket in a network namespace, and returns to the thread's own namespace;
// stuck is why it could not.
func (t *thread) openIn(namespace int) (fd int, err, stuck error) {
	if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
		return -1, fmt.Errorf("setns: %w", err), nil
	}

	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)

	return fd, err, unix.Setns(t.home, unix.CLONE_NEWNET)
}
