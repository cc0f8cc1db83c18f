package health

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// TestSocketsOfProc tracks sockets of /proc/net/tcp in a namespace that is sampled every
// five seconds: one whose path dies, and one that is at rest. Another source's socket
// without tcp_info is still not tracked.
func TestSocketsOfProc(t *testing.T) {
	const space = 3

	var snapshot *Snapshot

	tracker := NewTracker(Config{Export: showAll, OthersInterval: 5 * time.Second}, func(s *Snapshot) { snapshot = s })

	for i := range 2 { // without a gap
		at := start.Add(time.Duration(i) * 5 * time.Second)
		dying := sampler.Socket{
			Space: space, Cookie: 1, Family: sampler.FamilyIPv4, State: sampler.StateEstablished, Attrs: sampler.FromProc,
			Timer: sampler.TimerRetransmit, SendQueue: 9000, TimerRetrans: uint8(3 + i),
			Local: sampler.Endpoint{Port: 1}, Remote: sampler.Endpoint{Port: 2},
		}
		resting, remnant := dying, dying
		resting.Cookie, resting.Timer, resting.SendQueue, resting.TimerRetrans, resting.Local.Port = 2, sampler.TimerNone, 0, 0, 3
		remnant.Cookie, remnant.Attrs, remnant.Local.Port = 4, 0, 5
		listener := sampler.Socket{Space: space, Cookie: 5, State: sampler.StateListen, Attrs: sampler.FromProc, RecvQueue: 1}

		tracker.Begin(space)
		tracker.Sockets(at, []sampler.Socket{dying, resting, remnant, listener})
		tracker.End(sampler.Dump{Space: space, Start: at, End: at, Sockets: 4})
		tracker.Publish(at)

		if targets := tracker.Suspicious(); len(targets) > 0 {
			t.Errorf("sample %d: %d connections to recheck", i, len(targets))
		}
	}

	if snapshot.Tracker.Live != 2 || snapshot.Idle != 0 {
		t.Errorf("%d connections, %d idle", snapshot.Tracker.Live, snapshot.Idle)
	}

	var got []judge.Cause
	for i := range snapshot.Connections {
		got = append(got, snapshot.Connections[i].Cause)
	}

	slices.Sort(got)

	if want := []judge.Cause{judge.CauseNone, judge.CausePathDead}; !slices.Equal(got, want) {
		t.Errorf("causes %v, want %v", got, want)
	}

	if l := snapshot.Listeners; len(l) != 1 || l[0].Limit != LimitUnknown || l[0].AcceptQueue != 1 {
		t.Errorf("listeners %+v", l)
	}
}
