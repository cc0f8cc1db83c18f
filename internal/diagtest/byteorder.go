package diagtest

import (
	"encoding/binary"
	"testing"
)

// NeedsRecordings skips a test of recordings in testdata on hosts with another byte order
// than that of the hosts they were made on, little-endian.
func NeedsRecordings(tb testing.TB) {
	tb.Helper()

	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		tb.Skip("the recordings in testdata are little-endian, this host is big-endian")
	}
}
