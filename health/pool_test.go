package health

import (
	"testing"
)

// TestWindowsAreGivenUp has each connection do something for a while, and then all but
// a few nothing more: the memory of their windows is given up, and nothing is reported
// otherwise than without.
func TestWindowsAreGivenUp(t *testing.T) {
	t.Parallel()

	const connections, busy = 6 * chunkSize, 40

	both := newTwins(t, Config{MaxConnections: connections})
	rows := make([]row, connections)

	for i := range rows {
		rows[i] = established(uint64(i + 1))
	}

	pass := func(active func(i int) bool) {
		for i := range rows {
			info := &rows[i].Info
			info.LastDataSent += 1000
			info.LastDataRecv += 1000
			info.LastAckRecv += 1000

			if active(i) {
				info.BytesSent += uint64(i + 1)
				info.BytesAcked += uint64(i + 1)
				info.LastDataSent, info.LastAckRecv = 100, 90
			}
		}

		both.each(func(w *watch) { w.tick(rows...) })
	}

	for range 4 {
		pass(func(int) bool { return true })
	}

	windows := &both.rest.tracker.slab.windows
	if windows.Len() != connections {
		t.Fatalf("%d windows", windows.Len())
	}

	before := windows.Bytes()

	for range 40 {
		pass(func(i int) bool { return i%(connections/busy) == 0 })
	}

	if got := windows.Len(); got > 3*chunkSize {
		t.Errorf("%d windows for %d busy connections", got, busy)
	}

	if got := windows.Bytes(); got > before/2 {
		t.Errorf("%d bytes of windows are left of %d", got, before)
	}

	pass(func(int) bool { return true })
}
