package netns

import (
	"fmt"
	"testing"
)

func TestParseInuse(t *testing.T) {
	for text, want := range map[string]int{
		"sockets: used 12\nTCP: inuse 7 orphan 2 tw 64 alloc 16560 mem 5146\nUDP: inuse 3 mem 0\n": 7,
		"TCP6: inuse 0\nUDP6: inuse 5\n":   0,
		"TCP6: inuse 2147483647":           1<<31 - 1,
		"TCP: inuse 3":                     3,
		"":                                 -1,
		"TCP: inuse \n":                    -1,
		"TCP: inuse -1 orphan 2\n":         -1,
		"TCP: inuse 2147483648\n":          -1,
		"UDP: inuse 3\nUDPLITE: inuse 0\n": -1,
		"sockets: used 12 TCP: inuse 7 orphan 2\n": -1,
	} {
		got, ok := parseInuse([]byte(text))
		if !ok {
			got = -1
		}

		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// FuzzParseInuse: what is found was in the text.
func FuzzParseInuse(f *testing.F) {
	f.Add([]byte("sockets: used 12\nTCP: inuse 7 orphan 2 tw 64 alloc 16560 mem 5146\n"), 3)
	f.Add([]byte("TCP6: inuse 0\nUDP6: inuse 5\n"), 1<<31-1)

	f.Fuzz(func(t *testing.T, text []byte, n int) {
		if got, ok := parseInuse(text); got < 0 || !ok && got != 0 {
			t.Errorf("%q: %d, %t", text, got, ok)
		}

		written := fmt.Appendf(nil, "TCP: inuse %d orphan 0\n%s", n, text)
		if got, ok := parseInuse(written); ok != (n >= 0 && n < 1<<31) || ok && got != n {
			t.Errorf("%q: %d, %t", written, got, ok)
		}
	})
}

func TestParseLastPID(t *testing.T) {
	if last, err := parseLastPID([]byte("4.51 3.70 2.52 3/154 11953\n")); last != 11953 || err != nil {
		t.Errorf("last process id %d, %v", last, err)
	}

	for _, text := range []string{"", "4.51 3.70 2.52 3/154\n", "4.51 3.70 2.52 3/154 x\n"} {
		if last, err := parseLastPID([]byte(text)); err == nil {
			t.Errorf("%q: last process id %d, want an error", text, last)
		}
	}
}
