package loop

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

func must(tb testing.TB, err error) {
	tb.Helper()

	if err != nil {
		tb.Fatal(err)
	}
}

// datagram returns rows of connections with the cookies.
func datagram(cookies ...uint64) (b []byte) {
	for _, cookie := range cookies {
		row := diagtest.Established(cookie)
		b = slices.Concat(b, row.Message())
	}

	return b
}

// recorded returns a recording of the calls that write makes. The function at returns
// times after the start.
func recorded(tb testing.TB, write func(r *sampler.Recorder, at func(ms int) time.Time)) []byte {
	tb.Helper()

	var buf bytes.Buffer

	now := time.Unix(1_700_000_000, 0)
	r, err := sampler.NewRecorder(&buf, "6.1.0-test", time.Second, now)
	must(tb, err)
	write(r, func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) })
	must(tb, r.Err())

	return buf.Bytes()
}

// smallRecording has a dump of three sockets, one that failed, and an empty one.
func smallRecording(tb testing.TB) []byte {
	tb.Helper()

	return recorded(tb, func(r *sampler.Recorder, at func(ms int) time.Time) {
		r.Datagram(at(2), datagram(1, 2))
		r.Datagram(at(3), datagram(3))
		r.Dumped(sampler.Dump{Start: at(1), End: at(4)})
		r.Datagram(at(2002), datagram(1))
		r.Failed(at(2003), sampler.ReasonOverrun)
		r.Datagram(at(4002), nil)
		r.Dumped(sampler.Dump{Start: at(4001), End: at(4003)})
	})
}

// roundsRecording has two dumps with a round of rechecking after the first one.
func roundsRecording(tb testing.TB) []byte {
	tb.Helper()

	return recorded(tb, func(r *sampler.Recorder, at func(ms int) time.Time) {
		r.Datagram(at(2), datagram(1, 2, 3))
		r.Dumped(sampler.Dump{Start: at(1), End: at(3)})
		r.Rechecking(at(250))
		r.Datagram(at(251), datagram(2))
		r.Datagram(at(251), datagram(3))
		r.Rechecked(sampler.Round{Start: at(250), End: at(252), Sockets: 2})
		r.Rechecking(at(500))
		r.Datagram(at(501), datagram(3))
		r.Failed(at(502), sampler.ReasonTimeout)
		r.Datagram(at(1002), datagram(1))
		r.Dumped(sampler.Dump{Start: at(1001), End: at(1003)})
	})
}

// TestPlayAnswers answers questions between the parts of a recording, from the sockets
// replayed so far.
func TestPlayAnswers(t *testing.T) {
	recording := roundsRecording(t)
	synctest.Test(t, func(t *testing.T) {
		p, err := sampler.NewReplay(bytes.NewReader(recording))
		must(t, err)
		d := newDiary()
		questions := make(chan Question, 3)
		questions <- &question{d, "a", 150 * time.Millisecond}
		questions <- &question{d, "b", 0}
		close(questions)
		must(t, Play(t.Context(), p, d, onlooker{d}, questions))
		requireLines(
			t, d.lines[:12],
			"0s begin", "0s 3 sockets", "0s end 3", "0s ticked 3, took 0s",
			"0s a of 150ms until 100ms, source true", "100ms a of 50ms until 200ms, source true",
			"150ms 1 again", "150ms 1 again", "150ms settle", "150ms recheck 2, took 0s",
			"150ms b of 0s until 250ms, source true", "150ms 1 again",
		)
	})
}
