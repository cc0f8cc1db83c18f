package sampler

import (
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// TestLiveRevisit reads all known connections. Their digests are those of a dump, so that
// connections at rest are not decoded, and the result reports whether any is gone.
func TestLiveRevisit(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)

	const pairs = 40 // more than one batch

	var clients []interface{ Close() error }

	for range pairs {
		client, _ := n.Pair(t, "tcp", "127.0.0.1:0")
		clients = append(clients, client)
	}

	digests, states := map[uint64]uint64{}, 0
	c := dialIn(t, n, Config{Space: 3})
	c.SetSkip(func(_ time.Time, cookie, digest uint64) bool {
		same := digests[cookie] == digest
		digests[cookie] = digest

		if same {
			states++
		}

		return same
	})

	targets := targetsIn(dumpOf(t, c))
	decoded := 0
	sink := func(_ time.Time, sockets []Socket) {
		for i := range sockets {
			if sockets[i].Space != 3 || sockets[i].Digest == 0 {
				t.Errorf("space %d, digest %d", sockets[i].Space, sockets[i].Digest)
			}
		}

		decoded += len(sockets)
	}

	d, all, err := c.Revisit(targets, sink)
	must(t, err)

	if !all || !d.Partial || d.Space != 3 || d.Sockets != 2*pairs || d.Start.After(d.End) {
		t.Errorf("all %v, %+v", all, d)
	}

	if states != 2*pairs || decoded != 0 {
		t.Errorf("%d rows are the same as in the dump, %d of %d were decoded", states, decoded, 2*pairs)
	}

	must(t, clients[7].Close())

	// One end is in FIN_WAIT2 or the other in CLOSE_WAIT: changed, but not gone.
	if _, all, err = c.Revisit(targets, sink); err != nil || !all || decoded == 0 {
		t.Errorf("all %v, %d decoded, %v", all, decoded, err)
	}

	gone := targets[0]
	gone.Cookie++

	d, all, err = c.Revisit(append(targets, gone), sink)
	must(t, err)

	if all || d.Sockets != 2*pairs {
		t.Errorf("all %v, %d sockets, with a target that does not exist", all, d.Sockets)
	}

	// Rechecks are always decoded, see SetSkip.
	if again := recheckOf(t, c, targets...); len(again) != 2*pairs {
		t.Errorf("%d rechecked", len(again))
	}
}
