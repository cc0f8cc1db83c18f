package proctcp

import "testing"

func TestNoneInUse(t *testing.T) {
	for text, want := range map[string]bool{
		"sockets: used 4\nTCP: inuse 0 orphan 0 tw 9 alloc 1 mem 0\nUDP: inuse 2 mem 0\n": true,
		"sockets: used 4\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0\n":                     false,
		"TCP6: inuse 0\nUDP6: inuse 1\n":                                                  true,
		"TCP6: inuse 10\nUDP6: inuse 0\n":                                                 false,
		"UDP6: inuse 0\n":                                                                 false,
		"TCP6: inuse\n":                                                                   false,
		"TCP6: inuse x\n":                                                                 false,
		"TCP6: alloc 0\n":                                                                 false,
		"TCP6: inuse 0":                                                                   true,
		"":                                                                                false,
	} {
		if got := noneInUse([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
