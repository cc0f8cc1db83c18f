package loop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tcphealth_exporter/sampler"
)

// diary is a Consumer that notes its calls and their times.
type diary struct {
	begin      time.Time
	lines      []string
	suspicious []sampler.Target
}

func newDiary() *diary { return &diary{begin: time.Now()} }

func (d *diary) note(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf("%v ", time.Since(d.begin))+fmt.Sprintf(format, args...))
}

func (d *diary) Begin(sampler.Space)                             { d.note("begin") }
func (d *diary) Sockets(_ time.Time, sockets []sampler.Socket)   { d.note("%d sockets", len(sockets)) }
func (d *diary) End(dump sampler.Dump)                           { d.note("end %d", dump.Sockets) }
func (d *diary) Abort()                                          { d.note("abort") }
func (d *diary) Suspicious() []sampler.Target                    { return d.suspicious }
func (d *diary) Rechecked(_ time.Time, sockets []sampler.Socket) { d.note("%d again", len(sockets)) }
func (d *diary) Settle(time.Time)                                { d.note("settle") }
func (d *diary) Known() []sampler.Target                         { return nil }
func (d *diary) Gone(sampler.Space, time.Time)                   {}
func (d *diary) Publish(time.Time)                               {}

// onlooker is an Observer that notes its calls in a diary.
type onlooker struct{ *diary }

func (o onlooker) Rechecked(n int, took time.Duration)   { o.note("recheck %d, took %v", n, took) }
func (o onlooker) Missed(n int)                          { o.note("missed %d", n) }
func (o onlooker) Delayed(time.Duration)                 {}
func (o onlooker) Paced(interval time.Duration)          { o.note("paced %s", interval) }
func (o onlooker) Failed(err error, retry time.Duration) { o.note("failed: %v, retry %v", err, retry) }

func (o onlooker) Ticked(dump sampler.Dump, took time.Duration) {
	o.note("ticked %d, took %v", dump.Sockets, took)
}

// pick returns the lines of the diary that contain one of the words.
func (d *diary) pick(words ...string) []string {
	var picked []string
	for _, line := range d.lines {
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
			picked = append(picked, line)
		}
	}
	return picked
}

// script is a Source whose dumps take time and fail as configured.
type script struct {
	diary  *diary
	takes  func(nth int) time.Duration
	fails  func(nth int) error
	nth    int
	opened int
	// The same for rounds of rechecking:
	roundTakes func(nth int) time.Duration
	roundFails func(nth int) error
	round      int
	// openErr returns the error of the nth call of open.
	openErr func(nth int) error
}

func (s *script) open() (sampler.Source, error) {
	s.opened++
	if s.openErr != nil {
		if err := s.openErr(s.opened); err != nil {
			return nil, err
		}
	}
	s.diary.note("open")
	return s, nil
}

func (s *script) Dump(sink sampler.Sink) (sampler.Dump, error) {
	s.nth++
	if s.takes != nil {
		time.Sleep(s.takes(s.nth))
	}
	if s.fails != nil {
		if err := s.fails(s.nth); err != nil {
			return sampler.Dump{}, err
		}
	}
	sink(time.Now(), make([]sampler.Socket, s.nth))
	return sampler.Dump{Sockets: s.nth}, nil
}

func (s *script) Read([]sampler.Target, sampler.Sink) error { return errors.New("not implemented") }

func (s *script) Recheck(targets []sampler.Target, sink sampler.Sink) (sampler.Round, error) {
	s.round++
	if s.roundTakes != nil {
		time.Sleep(s.roundTakes(s.round))
	}
	if s.roundFails != nil {
		if err := s.roundFails(s.round); err != nil {
			return sampler.Round{}, err
		}
	}
	sink(time.Now(), make([]sampler.Socket, len(targets)))
	return sampler.Round{End: time.Now(), Sockets: len(targets)}, nil
}

func (s *script) Close() error {
	s.diary.note("close")
	return errors.New("ignored")
}

// runFor runs a loop for d, on a fake clock, and returns the lines of its diary.
func runFor(t *testing.T, d time.Duration, configure func(*script)) []string {
	t.Helper()
	return runLoop(t, d, func(_ context.Context, s *script, _ *Loop) { configure(s) })
}

// runLoop is like runFor; configure also gets the loop and the context of Run.
func runLoop(t *testing.T, d time.Duration, configure func(context.Context, *script, *Loop)) []string {
	t.Helper()
	var all *diary
	synctest.Test(t, func(t *testing.T) {
		all = newDiary()
		s := &script{diary: all}
		ctx, cancel := context.WithCancel(t.Context())
		l := &Loop{Open: s.open, Interval: time.Second, Consumer: all, Observer: onlooker{all}}
		configure(ctx, s, l)
		var wg sync.WaitGroup
		wg.Go(func() { l.Run(ctx) })
		time.Sleep(d)
		synctest.Wait()
		cancel()
		wg.Wait()
		if took := time.Since(all.begin); took != d {
			t.Errorf("Run returned %v after its context was done", took-d)
		}
	})
	return all.lines
}

func requireLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestLoopTicks samples on the grid, however long a dump takes.
func TestLoopTicks(t *testing.T) {
	got := runFor(t, 2500*time.Millisecond, func(s *script) {
		s.takes = func(nth int) time.Duration { return time.Duration(nth) * 100 * time.Millisecond }
	})
	requireLines(
		t, got,
		"0s open", "0s begin", "100ms 1 sockets", "100ms end 1", "100ms ticked 1, took 100ms",
		"1s begin", "1.2s 2 sockets", "1.2s end 2", "1.2s ticked 2, took 200ms",
		"2s begin", "2.3s 3 sockets", "2.3s end 3", "2.3s ticked 3, took 300ms",
		"2.5s close",
	)
}

// TestLoopDropsTicks counts the ticks missed during a long dump.
func TestLoopDropsTicks(t *testing.T) {
	got := runFor(t, 9500*time.Millisecond, func(s *script) {
		s.takes = func(nth int) time.Duration {
			return map[int]time.Duration{1: 3500 * time.Millisecond, 2: 999 * time.Millisecond, 3: time.Second}[nth]
		}
	})
	d := diary{lines: got}
	requireLines(
		t, d.pick("begin", "missed"),
		"0s begin", "3.5s missed 3", "4s begin", "5s begin", "6s missed 1", "7s begin", "8s begin", "9s begin",
	)
}

// TestLoopBacksOff reopens the source after a failure with exponential backoff. A success
// resets the backoff.
func TestLoopBacksOff(t *testing.T) {
	boom := errors.New("boom")
	got := runFor(t, 5*time.Minute-time.Millisecond, func(s *script) {
		s.fails = func(nth int) error {
			if nth >= 2 && nth <= 10 || nth == 12 {
				return boom
			}
			return nil
		}
	})
	d := diary{lines: got}
	requireLines(
		t, d.pick("failed"),
		"1s failed: boom, retry 1s",
		"2s failed: boom, retry 2s",
		"4s failed: boom, retry 4s",
		"8s failed: boom, retry 8s",
		"16s failed: boom, retry 16s",
		"32s failed: boom, retry 32s",
		"1m4s failed: boom, retry 1m0s",
		"2m4s failed: boom, retry 1m0s",
		"3m4s failed: boom, retry 1m0s",
		"4m5s failed: boom, retry 1s",
	)
	requireLines(t, got[:11], "0s open", "0s begin", "0s 1 sockets", "0s end 1", "0s ticked 1, took 0s",
		"1s begin", "1s abort", "1s close", "1s failed: boom, retry 1s", "2s open", "2s begin")
	if opens, closes := len(d.pick("open")), len(d.pick("close")); opens != 11 || closes != 11 {
		t.Errorf("opened %d times, closed %d times", opens, closes)
	}
	if missed := d.pick("missed"); missed != nil {
		t.Errorf("ticks are missed while waiting for the retry: %q", missed)
	}
	if last := d.pick("ticked"); last[len(last)-1] != "4m59s ticked 66, took 0s" {
		t.Errorf("at the end %q", last[len(last)-1])
	}
}

// TestLoopOpens retries if the source cannot be opened. It does not call the consumer.
func TestLoopOpens(t *testing.T) {
	got := runFor(t, 4500*time.Millisecond, func(s *script) {
		s.openErr = func(nth int) error {
			if nth <= 2 {
				return fmt.Errorf("attempt %d", nth)
			}
			return nil
		}
	})
	requireLines(
		t, got,
		"0s failed: attempt 1, retry 1s", "1s failed: attempt 2, retry 2s", "3s open",
		"3s begin", "3s 1 sockets", "3s end 1", "3s ticked 1, took 0s",
		"4s begin", "4s 2 sockets", "4s end 2", "4s ticked 2, took 0s",
		"4.5s close",
	)
}

// TestLoopEndsEarly does nothing if the context is already done.
func TestLoopEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := &script{diary: d}
		(&Loop{Open: s.open, Interval: time.Second, Consumer: d, Observer: onlooker{d}}).Run(ctx)
		requireLines(t, d.lines)
	})
}

// TestLoopEndsInDump closes the source after the dump during which the context ended.
func TestLoopEndsInDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		s := &script{diary: d, takes: func(int) time.Duration { return 500 * time.Millisecond }}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		(&Loop{Open: s.open, Interval: time.Second, Consumer: d, Observer: onlooker{d}}).Run(ctx)
		requireLines(t, d.lines, "0s open", "0s begin", "500ms 1 sockets", "500ms end 1", "500ms ticked 1, took 500ms", "500ms close")
	})
}

func TestPlay(t *testing.T) {
	recording := smallRecording(t)
	synctest.Test(t, func(t *testing.T) {
		p, err := sampler.NewReplay(bytes.NewReader(recording))
		must(t, err)
		d := newDiary()
		must(t, Play(t.Context(), p, d, onlooker{d}, nil))
		requireLines(
			t, d.lines,
			"0s begin", "0s 2 sockets", "0s 1 sockets", "0s end 3", "0s ticked 3, took 0s",
			"0s begin", "0s 1 sockets", "0s abort", "0s failed: recorded failure: overrun, retry 0s",
			"0s begin", "0s end 0", "0s ticked 0, took 0s",
		)
	})
}

func TestPlayDamaged(t *testing.T) {
	recording := smallRecording(t)
	p, err := sampler.NewReplay(bytes.NewReader(recording[:len(recording)-1]))
	must(t, err)
	d := newDiary()
	if err := Play(t.Context(), p, d, onlooker{d}, nil); !errors.Is(err, sampler.ErrRecording) {
		t.Errorf("error is %v", err)
	}
	if n := len(d.pick("ticked")); n != 1 {
		t.Errorf("%d samples", n)
	}
}

func TestPlayStops(t *testing.T) {
	recording := smallRecording(t)
	p, err := sampler.NewReplay(bytes.NewReader(recording))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := newDiary()
	if err := Play(ctx, p, d, onlooker{d}, nil); !errors.Is(err, context.Canceled) || len(d.lines) != 0 {
		t.Errorf("error is %v after %q", err, d.lines)
	}
}
