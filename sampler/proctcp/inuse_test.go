package proctcp

import (
	"fmt"
	"testing"
)

func TestInUse(t *testing.T) {
	for text, want := range map[string]int{
		"sockets: used 12\nTCP: inuse 7 orphan 2 tw 64\nUDP: inuse 3 mem 0\n": 7,
		"sockets: used 4\nTCP: inuse 0 orphan 0 tw 9 alloc 1 mem 0\n":         0,
		"TCP6: inuse 0\nUDP6: inuse 5\n":                                      0,
		"TCP6: inuse 2147483647":                                              1<<31 - 1,
		"TCP: inuse 3":                                                        3,
		"":                                                                    -1,
		"TCP: inuse \n":                                                       -1,
		"TCP6: inuse\n":                                                       -1,
		"TCP6: inuse x\n":                                                     -1,
		"TCP6: alloc 0\n":                                                     -1,
		"TCP: inuse -1 orphan 2\n":                                            -1,
		"TCP: inuse 2147483648\n":                                             -1,
		"TCP: inuse 11111111111":                                              -1,
		"UDP: inuse 3\nUDPLITE: inuse 0\n":                                    -1,
		"sockets: used 12 TCP: inuse 7 orphan 2\n":                            -1,
	} {
		got, ok := InUse([]byte(text))
		if !ok && got == 0 {
			got = -1
		}

		if got != want {
			t.Errorf("%q: %d, %t, want %d", text, got, ok, want)
		}
	}
}

// FuzzInUse: what is found was in the text.
func FuzzInUse(f *testing.F) {
	f.Add([]byte("sockets: used 12\nTCP: inuse 7 orphan 2 tw 64 alloc 16560 mem 5146\n"), 3)
	f.Add([]byte("TCP6: inuse 0\nUDP6: inuse 5\n"), 1<<31-1)
	f.Add([]byte("TCP: inuse 11111111111"), 0)

	f.Fuzz(func(t *testing.T, text []byte, n int) {
		if got, ok := InUse(text); got < 0 || !ok && got != 0 {
			t.Errorf("%q: %d, %t", text, got, ok)
		}

		written := fmt.Appendf(nil, "TCP: inuse %d orphan 0\n%s", n, text)
		if got, ok := InUse(written); ok != (n >= 0 && n < 1<<31) || ok && got != n {
			t.Errorf("%q: %d, %t", written, got, ok)
		}
	})
}
