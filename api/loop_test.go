package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tcphealth_exporter/api"
	"tcphealth_exporter/health"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

const (
	loopInterval = 10 * time.Millisecond
	dumpTakes    = time.Millisecond
	readTakes    = 1300 * time.Nanosecond // a socket
	matchTakes   = 10 * time.Microsecond  // a connection
)

// kernel is a source that takes time on the test's clock.
type kernel struct {
	began time.Time
	rows  []sampler.Socket
	late  []time.Duration // ticks that are late, as the time since began
	ticks int
	read  int
}

func (k *kernel) Dump(sink sampler.Sink) (sampler.Dump, error) {
	if since := time.Since(k.began); since%loopInterval != 0 {
		k.late = append(k.late, since)
	}

	k.ticks++

	time.Sleep(dumpTakes)
	sink(time.Now(), k.rows)

	return sampler.Dump{Start: time.Now().Add(-dumpTakes), End: time.Now(), Sockets: len(k.rows)}, nil
}

func (k *kernel) Read(targets []sampler.Target, sink sampler.Sink) error {
	time.Sleep(time.Duration(len(targets)) * readTakes)

	for _, target := range targets {
		k.read++
		i := target.Remote.Port - 1
		sink(time.Now(), k.rows[i:i+1])
	}

	return nil
}

func (k *kernel) Recheck([]sampler.Target, sampler.Sink) (sampler.Round, error) {
	return sampler.Round{}, errors.New("nothing is watched")
}

func (k *kernel) Close() error { return nil }

// observer counts the ticks that were missed.
type observer struct{ missed int }

func (o *observer) Ticked(sampler.Dump, time.Duration) {}
func (o *observer) Rechecked(int, time.Duration)       {}
func (o *observer) Missed(n int)                       { o.missed += n }
func (o *observer) Delayed(time.Duration)              {}
func (o *observer) Paced(time.Duration)                {}
func (o *observer) Failed(err error, _ time.Duration)  { panic(err) }

// TestTicksComeFirst: with forty clients whose questions take longer than an interval,
// all ticks are on time, and questions are answered.
func TestTicksComeFirst(t *testing.T) {
	const (
		clients = 40
		sockets = 2000
		length  = time.Second
	)

	rows := make([]diagtest.Row, sockets)
	for i := range rows {
		rows[i] = row(uint16(i+1), 0)
	}

	source := &kernel{rows: diagtest.Decode(t, rows...)}

	var (
		observer observer
		answers  [600]atomic.Int64 // by status
	)

	synctest.Test(t, func(t *testing.T) {
		source.began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), length-time.Nanosecond)
		defer cancel()

		questions := make(chan loop.Question)
		tracker := health.NewTracker(health.Config{Interval: loopInterval, Window: time.Second}, func(*health.Snapshot) {})
		handler := api.New(api.Config{Tracker: tracker, Questions: questions, ParseFilter: slowFilter})

		var group sync.WaitGroup
		defer group.Wait()

		for range clients {
			group.Go(func() { ask(ctx, handler, &answers) })
		}

		loop := loop.Loop{
			Open:      func() (sampler.Source, error) { return source, nil },
			Interval:  loopInterval,
			Questions: questions,
			Consumer:  tracker,
			Observer:  &observer,
		}
		loop.Run(ctx)
	})

	if want := int(length / loopInterval); source.ticks != want || observer.missed != 0 || len(source.late) != 0 {
		t.Errorf("%d ticks of %d, %d missed, late at %v", source.ticks, want, observer.missed, source.late)
	}

	given, refused := int(answers[http.StatusOK].Load()), answers[http.StatusServiceUnavailable].Load()
	t.Logf("%d answers, %d times too many clients, %d sockets read", given, refused, source.read)

	// 9 ms of each interval remain, and an answer takes 20 ms.
	if least := int(length.Milliseconds()) * 9 / 10 / 25; given < least || source.read < 100*given {
		t.Errorf("%d answers given, expected at least %d; %d sockets read", given, least, source.read)
	}
}

// slowFilter selects all connections, slowly.
func slowFilter(string) (func(*sampler.Socket) bool, error) {
	const together = 16 // connections per sleep: sleeping for each one would slow down the test

	n := 0

	return func(*sampler.Socket) bool {
		if n++; n%together == 0 {
			time.Sleep(together * matchTakes)
		}

		return true
	}, nil
}

// ask makes one request after the other.
func ask(ctx context.Context, handler http.Handler, answers *[600]atomic.Int64) {
	for ctx.Err() == nil {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/connections?filter=slow&limit=100", http.NoBody))
		answers[w.Code].Add(1)

		if w.Code != http.StatusOK {
			time.Sleep(loopInterval)
		}
	}
}
