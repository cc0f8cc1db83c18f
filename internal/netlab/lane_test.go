package netlab

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// ends is both ends of a lane without an interface.
type ends struct {
	in  chan []byte
	out func([]byte) error
}

func (e ends) Read(p []byte) (int, error) {
	data, ok := <-e.in
	if !ok {
		return 0, os.ErrClosed
	}
	return copy(p, data), nil
}

func (e ends) Write(p []byte) (int, error) {
	return len(p), e.out(p)
}

// runLane runs a lane between the ends, to which it writes the packets.
func runLane(t *testing.T, c Conditions, out func([]byte) error, packets ...[]byte) *lane {
	t.Helper()
	e := ends{in: make(chan []byte), out: out}
	l := newLane(e, e)
	l.set(c)
	finished := make(chan error)
	go func() { finished <- l.receive() }()
	go func() {
		l.deliver()
		finished <- nil
	}()
	t.Cleanup(func() {
		close(e.in)
		close(l.done)
		if err := errors.Join(<-finished, <-finished); err != nil {
			t.Error(err)
		}
	})
	for _, p := range packets {
		e.in <- p
	}
	return l
}

func TestLaneNotesStalls(t *testing.T) {
	slow := func([]byte) error {
		time.Sleep(2 * stallLimit)
		return nil
	}
	l := runLane(t, Conditions{}, slow, []byte{1}, []byte{2})
	await(t, func() (Counters, bool) {
		got := l.counters()
		return got, got.Forwarded == Count{Packets: 2, Bytes: 2}
	})
	if got := l.stalls.Load(); got < 2 {
		t.Errorf("%d stalls, want one for each packet", got)
	}
}

func TestLaneCountsWhatTheDeviceRefuses(t *testing.T) {
	l := runLane(t, Conditions{}, func([]byte) error { return errors.New("down") }, make([]byte, 9))
	await(t, func() (Counters, bool) {
		got := l.counters()
		return got, got == Counters{DroppedDevice: Count{Packets: 1, Bytes: 9}}
	})
}

func TestLaneReportsABrokenReader(t *testing.T) {
	file, err := os.Open(t.TempDir()) // Reading a directory fails.
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := newLane(file, nil).receive(); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("receive returned %v, want the reason", err)
	}
}

func TestIsMulticast(t *testing.T) {
	v4, v6 := make([]byte, 20), make([]byte, 40)
	v4[0], v6[0] = 4<<4, 6<<4
	for _, data := range [][]byte{nil, {0x60}, v4, v6} {
		if isMulticast(data) {
			t.Errorf("%v is not to a multicast address", data)
		}
	}
	v4[16], v6[24] = 224, 0xff
	for _, data := range [][]byte{v4, v6} {
		if !isMulticast(data) {
			t.Errorf("%v is to a multicast address", data)
		}
	}
}
