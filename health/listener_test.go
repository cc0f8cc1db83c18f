package health

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/sampler"
)

func TestFullestListener(t *testing.T) {
	w := newWatch(t, Config{})
	mapped := listener(7, "0.0.0.0:90", 0, 9)
	mapped.Family = sampler.FamilyIPv6 // bound to ::ffff:0.0.0.0

	s := w.tick(
		listener(1, "0.0.0.0:80", 3, 128),
		listener(2, "0.0.0.0:80", 4, 128), // SO_REUSEPORT
		listener(8, "0.0.0.0:80", 9, 1024),
		listener(2, "0.0.0.0:80", 4, 128), // twice in the dump
		listener(3, "[::]:80", 1, 64),
		listener(4, "127.0.0.1:8080", 0, 5),
		listener(5, "[fe80::1]:443", 2, 10),
		mapped,
	)

	want := []Listener{
		{"0.0.0.0", "80", 4, 128, 4},
		{"127.0.0.1", "8080", 0, 5, 0},
		{"::", "80", 1, 64, 1},
		{"::ffff:0.0.0.0", "90", 0, 9, 0},
		{"fe80::1", "443", 2, 10, 2},
	}
	if !slices.Equal(s.Listeners, want) {
		t.Errorf("got %v", s.Listeners)
	}

	if s.Tracker.Duplicates != 1 || s.Sockets != 7 || s.Tracker.Live != 0 {
		t.Errorf("%d duplicates, %d sockets, %d live", s.Tracker.Duplicates, s.Sockets, s.Tracker.Live)
	}
}

func TestListenersDisappear(t *testing.T) {
	w := newWatch(t, Config{})
	w.tick(listener(1, "0.0.0.0:80", 9, 128), listener(2, "[::]:80", 0, 128))

	if s := w.tick(listener(2, "[::]:80", 0, 128)); len(s.Listeners) != 1 || s.Listeners[0].LocalAddress != "::" {
		t.Errorf("got %v", s.Listeners)
	}

	// One that comes back has no past.
	s := w.tick(listener(1, "0.0.0.0:80", 2, 128))
	if len(s.Listeners) != 1 || s.Listeners[0].Max != 2 {
		t.Errorf("got %v", s.Listeners)
	}

	w.abort(listener(1, "0.0.0.0:80", 5, 128))

	if s := w.tick(listener(1, "0.0.0.0:80", 1, 128)); s.Listeners[0].AcceptQueue != 1 || s.Listeners[0].Limit != 128 {
		t.Errorf("after an abort: %v", s.Listeners)
	}

	for range 130 {
		w.tick(listener(2, "[::]:80", 0, 128))
	}

	if n := len(w.tracker.at.listeners.byEndpoint) + len(w.tracker.at.listeners.seen); n != 2 {
		t.Errorf("%d entries for one listener", n)
	}
}

// TestListenersReturn: a restarted service has its series at once, another one waits.
func TestListenersReturn(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{MinAge: 30 * time.Second}})
	first, second := listener(1, "0.0.0.0:80", 0, 128), listener(2, "0.0.0.0:80", 0, 128)

	w.tick(first)

	for range 60 {
		w.tick()
	}

	if s := w.tick(second); len(s.Listeners) != 1 {
		t.Errorf("a minute later %v, %d not exported", s.Listeners, s.ListenersUnexported)
	}

	for range 121 {
		w.tick()
	}

	if s := w.tick(first); len(s.Listeners) != 0 || s.ListenersUnexported != 1 {
		t.Errorf("two minutes later %v, %d not exported", s.Listeners, s.ListenersUnexported)
	}
}

// TestListenersAppearAtAPace: however many come and go, few identities get series.
func TestListenersAppearAtAPace(t *testing.T) {
	w := newWatch(t, Config{MaxListeners: 20})
	w.tick(established(1))

	seen := make(map[string]bool)

	for n := range 600 {
		var rows []row
		for i := range 40 {
			port := 1000 + 20*n + i // half of them are new
			rows = append(rows, listener(uint64(port), "0.0.0.0:"+strconv.Itoa(port), 0, 128))
		}

		for _, l := range w.tick(rows...).Listeners {
			seen[l.LocalPort] = true
		}
	}

	if len(seen) < 20 || len(seen) > 20+600/6+1 {
		t.Errorf("%d of 12,000 listeners had series within ten minutes", len(seen))
	}
}

// TestListenerMaxIsTheSameForAllReaders has a burst in one sample: any reader
// that comes at least once a minute sees it, and no one for longer than two.
func TestListenerMaxIsTheSameForAllReaders(t *testing.T) {
	for _, burst := range []int{1, 29, 59, 60, 61, 100} {
		t.Run(strconv.Itoa(burst), func(t *testing.T) {
			w := newWatch(t, Config{})

			var highest []uint32

			for n := range 300 {
				queue := uint32(1)
				if n == burst {
					queue = 50
				}

				highest = append(highest, w.tick(listener(1, "0.0.0.0:80", queue, 128)).Listeners[0].Max)
			}

			for _, every := range []int{1, 7, 15, 60} {
				seen, lastSeen := false, 0

				for n := 0; n < len(highest); n += every {
					if highest[n] == 50 {
						seen, lastSeen = true, n
					}
				}

				if !seen || lastSeen-burst > 120 {
					t.Errorf("a reader every %d s: seen %v, last %d s after the burst", every, seen, lastSeen-burst)
				}
			}

			for n, m := range highest {
				within := n >= burst && n < burst+60
				if within && m != 50 || n < burst && m != 1 || n > burst+120 && m != 1 {
					t.Fatalf("%d s after the burst the highest is %d", n-burst, m)
				}
			}
		})
	}
}

func TestListenerMaxAfterAPause(t *testing.T) {
	w := newWatch(t, Config{})
	w.tick(listener(1, "0.0.0.0:80", 50, 128))

	w.now = w.now.Add(10 * time.Minute)
	if s := w.tick(listener(1, "0.0.0.0:80", 3, 128)); s.Listeners[0].Max != 3 {
		t.Errorf("ten minutes later the highest is %d", s.Listeners[0].Max)
	}
}

// TestListenersWithinTheBudget: a host with many listeners exports those whose queue fills
// and those that were exported before; fresh ones wait for the minimum age.
func TestListenersWithinTheBudget(t *testing.T) {
	ports := func(s *Snapshot) (all []string) {
		for i := range s.Listeners {
			all = append(all, s.Listeners[i].LocalPort)
		}

		return all
	}
	at := func(port int, queue uint32) row {
		return listener(uint64(port), "0.0.0.0:"+strconv.Itoa(port), queue, 100)
	}

	w := newWatch(t, Config{MaxListeners: 2, Export: export.Config{MinAge: 30 * time.Second}})
	require := func(s *Snapshot, unexported int, want ...string) {
		t.Helper()

		if got := ports(s); !slices.Equal(got, want) || s.ListenersUnexported != unexported {
			t.Errorf("exported %v, and %d are not, want %v and %d", got, s.ListenersUnexported, want, unexported)
		}
	}

	require(w.tick(at(83, 0)), 0, "83")
	require(w.tick(at(83, 0), at(80, 0), at(81, 49)), 2, "83") // too young
	require(w.tick(at(83, 0), at(80, 0), at(81, 50)), 1, "81", "83")

	for range 30 {
		w.tick(at(83, 0), at(80, 0), at(81, 0))
	}

	require(w.snapshot, 1, "81", "83") // no place for 80, however old
	require(w.tick(at(83, 0), at(80, 90), at(81, 0)), 1, "80", "81")

	for range 130 { // its queue was full two minutes ago
		w.tick(at(83, 0), at(80, 0), at(81, 0))
	}

	require(w.snapshot, 1, "80", "81")
	require(w.tick(at(83, 0), at(81, 0)), 0, "81", "83")
}

// TestNoListeners: a budget of none, which the flag sets with 0.
func TestNoListeners(t *testing.T) {
	w := newWatch(t, Config{MaxListeners: -1})
	if s := w.tick(listener(1, "0.0.0.0:80", 9, 9)); len(s.Listeners) != 0 || s.ListenersUnexported != 1 {
		t.Errorf("%v, %d not exported", s.Listeners, s.ListenersUnexported)
	}
}
