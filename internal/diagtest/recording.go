package diagtest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// kernel is the release in the recordings: it determines the layout of AccECNed.
const kernel = "7.0.0"

// Recording is a recording in memory that is replayed while it is made.
type Recording struct {
	file     bytes.Buffer
	recorder *sampler.Recorder
	replay   *sampler.Replay
}

// NewRecording starts a recording.
func NewRecording(tb testing.TB) *Recording {
	tb.Helper()

	r := new(Recording)

	var err error
	if r.recorder, err = sampler.NewRecorder(&r.file, kernel, time.Second, time.Unix(0, 0)); err != nil {
		tb.Fatal(err)
	}

	if r.replay, err = sampler.NewReplay(&r.file); err != nil {
		tb.Fatal(err)
	}

	return r
}

// Dump replays a dump of the rows to sink, all with one time.
func (r *Recording) Dump(tb testing.TB, at time.Time, rows []Row, sink sampler.Sink) sampler.Dump {
	tb.Helper()

	const rowsPerDatagram = 500

	var datagram []byte

	for i := range rows {
		datagram = append(datagram, rows[i].Message()...)
		if (i+1)%rowsPerDatagram == 0 || i == len(rows)-1 {
			r.recorder.Datagram(at, datagram)
			datagram = datagram[:0]
		}
	}

	r.recorder.Dumped(sampler.Dump{Start: at, End: at})

	done, err := r.replay.Dump(sink)
	if err := errors.Join(r.recorder.Err(), err); err != nil {
		tb.Fatal(err)
	}

	if done.Sockets != len(rows) {
		tb.Fatalf("%d rows became %d sockets", len(rows), done.Sockets)
	}

	return done
}

// Decode returns the sockets that the sampler decodes from the rows.
func Decode(tb testing.TB, rows ...Row) []sampler.Socket {
	tb.Helper()

	var all []sampler.Socket

	NewRecording(tb).Dump(tb, time.Unix(0, 0), rows, func(_ time.Time, s []sampler.Socket) { all = append(all, s...) })

	return all
}

// SetSkip makes later dumps skip rows, see [sampler.Replay.SetSkip].
func (r *Recording) SetSkip(skip sampler.Skip) { r.replay.SetSkip(skip) }
