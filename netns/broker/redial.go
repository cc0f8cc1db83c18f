package broker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// searchPause is the minimum time between two searches for a process of a [Redialer].
	searchPause = time.Second
	// searchShare limits the searches to a tenth of the time.
	searchShare = 10
)

// Why [Redialer.Process] returns no process.
var (
	ErrBusy       = errors.New("too soon after another search for a process, try again in a few seconds")
	ErrNoProcess  = errors.New("no process in the cgroup of the socket has it open")
	ErrUnreadable = errors.New("the netns broker may not read which files the processes in the cgroup of the socket have open")
	ErrLate       = errors.New("the search for the process took too long")
)

// Redialer is a [Client] that connects when it is used, and again after the broker was
// restarted. Its methods may be called from several goroutines. Searches have a connection of
// their own, so that they delay nothing else.
type Redialer struct {
	opens, searches redialed

	searching sync.Mutex // held during a search for a process
	next      time.Time  // of the next search, at the earliest
}

// NewRedialer returns a client of the broker that listens at the path.
func NewRedialer(path string) *Redialer {
	return &Redialer{opens: redialed{path: path}, searches: redialed{path: path}}
}

// Open is [Client.Open]. The error matches [ErrDisconnected] if there is no broker.
func (r *Redialer) Open(pid int, inode uint64) (opened Opened, err error) {
	err = r.opens.use(func(c *Client) (err error) {
		opened, err = c.Open(pid, inode)

		return err
	})

	return opened, err
}

// Process is [Client.Process], at most once a second and for a tenth of the time: a search
// takes up to half a second of the broker's time. The error matches [ErrDisconnected] if there
// is no broker, or is one of the above.
func (r *Redialer) Process(socket, cgroup uint64) (found Process, err error) {
	if !r.searching.TryLock() {
		return Process{}, ErrBusy
	}
	defer r.searching.Unlock()

	began := time.Now()
	if began.Before(r.next) {
		return Process{}, ErrBusy
	}

	err = r.searches.use(func(c *Client) (err error) {
		found, err = c.Process(socket, cgroup)

		return err
	})
	r.next = began.Add(max(searchPause, searchShare*time.Since(began)))

	switch {
	case errors.Is(err, ErrDisconnected):
		return Process{}, err
	case errors.Is(err, unix.ENOENT):
		return Process{}, ErrNoProcess
	case errors.Is(err, unix.EACCES):
		return Process{}, ErrUnreadable
	case errors.Is(err, unix.ETIMEDOUT):
		return Process{}, ErrLate
	default:
		return found, err
	}
}

// redialed is a connection to the broker, which is made when it is used.
type redialed struct {
	path   string
	mutex  sync.Mutex
	client *Client // nil for none
}

// use calls f with the connection.
func (r *redialed) use(f func(*Client) error) (err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	if r.client == nil {
		c, err := Dial(r.path)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDisconnected, errors.Unwrap(err))
		}

		r.client = c
	}

	err = f(r.client)
	if errors.Is(err, ErrDisconnected) {
		_ = r.client.Close()
		r.client = nil
	}

	return err
}
