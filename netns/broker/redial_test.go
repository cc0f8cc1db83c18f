package broker

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slow is how long a broker of [slowSearches] searches for a process.
const slow = 300 * time.Millisecond

// slowSearches runs a broker that opens no socket and finds no process, until the end of the
// test. It counts the searches.
func slowSearches(t *testing.T) (path string, searches chan struct{}) {
	t.Helper()

	path, searches = socketPath(t), make(chan struct{}, 100)
	listener, err := Listen(path)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })

	serve := func(conn *net.UnixConn) {
		defer conn.Close()

		for b := make([]byte, RequestSize); ; {
			if _, err := conn.Read(b); err != nil {
				return
			}

			if q, err := ParseRequest(b); err == nil && q.Op == OpProcess {
				searches <- struct{}{}

				time.Sleep(slow)
			}

			if _, err := conn.Write(Reply{Status: StatusFailed, Errno: unix.ENOENT}.Bytes()); err != nil {
				return
			}
		}
	}

	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}

			go serve(conn)
		}
	}()

	return path, searches
}

// TestSearchesAreBounded: clients of the API cannot keep the broker searching, nor have
// others wait for a search: the next one comes after ten times its duration.
func TestSearchesAreBounded(t *testing.T) {
	path, searches := slowSearches(t)
	r := NewRedialer(path)
	began := time.Now()
	done := make(chan error)

	go func() {
		_, err := r.Process(1, 1)
		done <- err
	}()

	<-searches

	if _, err := r.Process(1, 1); !errors.Is(err, ErrBusy) {
		t.Errorf("during a search: %v", err)
	}

	if _, err := r.Open(1, 0); !errors.Is(err, unix.ENOENT) {
		t.Errorf("open: %v", err)
	}

	select {
	case err := <-done:
		t.Errorf("a search delays others: %v", err)
	default:
	}

	if err := <-done; !errors.Is(err, ErrNoProcess) {
		t.Error(err)
	}

	if pause := r.next.Sub(began); pause < searchShare*slow {
		t.Errorf("the next search comes %v after one of %v", pause, slow)
	}

	if _, err := r.Process(1, 1); !errors.Is(err, ErrBusy) || len(searches) > 0 {
		t.Errorf("after a search: %v, %d more searches", err, len(searches))
	}
}
