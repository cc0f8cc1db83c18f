package loop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tcphealth_exporter/sampler"
)

const ms = time.Millisecond

// rechecking makes the loop recheck three sockets.
func rechecking(interval time.Duration) func(context.Context, *script, *Loop) {
	return func(_ context.Context, s *script, l *Loop) {
		l.RecheckInterval = interval
		s.diary.suspicious = make([]sampler.Target, 3)
	}
}

// TestLoopRecheck makes rounds on a grid between the ticks.
func TestLoopRecheck(t *testing.T) {
	for interval, want := range map[time.Duration][]string{
		0:           nil,
		-ms:         nil,
		250 * ms:    {"250ms", "500ms", "750ms", "1.25s", "1.5s", "1.75s"},
		300 * ms:    {"300ms", "600ms", "900ms", "1.3s", "1.6s", "1.9s"},
		333 * ms:    {"333ms", "666ms", "1.333s", "1.666s"}, // 999 ms is too close to the tick
		500 * ms:    {"500ms", "1.5s"},
		909 * ms:    {"909ms", "1.909s"}, // the remaining 91 ms are a tenth of it
		910 * ms:    nil,
		time.Second: nil,
		time.Hour:   nil,
	} {
		t.Run(interval.String(), func(t *testing.T) {
			got := runLoop(t, 1999*ms, rechecking(interval))
			d := diary{lines: got}
			var all []string
			for _, at := range want {
				all = append(all, at+" 3 again", at+" settle", at+" recheck 3, took 0s")
			}
			requireLines(t, d.pick("again", "settle", "recheck"), all...)
			requireLines(t, d.pick("begin"), "0s begin", "1s begin")
		})
	}
}

// TestLoopRechecksNothing makes no rounds without suspicious connections.
func TestLoopRechecksNothing(t *testing.T) {
	got := runLoop(t, 999*ms, func(_ context.Context, _ *script, l *Loop) { l.RecheckInterval = 250 * ms })
	requireLines(t, got, "0s open", "0s begin", "0s 1 sockets", "0s end 1", "0s ticked 1, took 0s", "999ms close")
}

// TestLoopDropsRounds drops the rounds missed during a long dump or round.
func TestLoopDropsRounds(t *testing.T) {
	got := runLoop(t, 3999*ms, func(ctx context.Context, s *script, l *Loop) {
		rechecking(250*ms)(ctx, s, l)
		s.takes = func(nth int) time.Duration { return []time.Duration{0, 300 * ms, 250 * ms, 1100 * ms}[nth%4] }
		s.roundTakes = func(nth int) time.Duration { return map[int]time.Duration{2: 260 * ms, 4: 20 * ms}[nth] }
	})
	d := diary{lines: got}
	requireLines(
		t, d.pick("begin", "settle", "missed", "recheck"),
		"0s begin", "500ms settle", "500ms recheck 3, took 0s", "1.01s settle", "1.01s recheck 3, took 260ms",
		"1.01s begin", // lasts 250 ms, past the first round: a late tick does not move the grid
		"1.5s settle", "1.5s recheck 3, took 0s", "1.77s settle", "1.77s recheck 3, took 20ms",
		"2s begin", "3.1s missed 1", "3.25s settle", "3.25s recheck 3, took 0s",
		"3.5s settle", "3.5s recheck 3, took 0s", "3.75s settle", "3.75s recheck 3, took 0s",
	)
}

// TestLoopRoundFails closes the source after a failed round, like after a failed dump.
func TestLoopRoundFails(t *testing.T) {
	got := runLoop(t, 1600*ms, func(ctx context.Context, s *script, l *Loop) {
		rechecking(250*ms)(ctx, s, l)
		s.roundFails = func(nth int) error {
			if nth == 2 {
				return errors.New("boom")
			}
			return nil
		}
	})
	d := diary{lines: got}
	requireLines(
		t, d.pick("open", "close", "begin", "settle", "failed", "missed"),
		"0s open", "0s begin", "250ms settle", "500ms close", "500ms failed: boom, retry 1s",
		"1.5s open", "1.5s begin", "1.6s close",
	)
}

// question takes some time to answer, and stops at the given time.
type question struct {
	diary *diary
	name  string
	work  time.Duration // remaining
}

func (q *question) Answer(src sampler.Reader, until time.Time) bool {
	q.diary.note("%s of %v until %v, source %t", q.name, q.work, until.Sub(q.diary.begin), src != nil)
	now := min(q.work, time.Until(until))
	time.Sleep(now)
	q.work -= now
	return q.work <= 0
}

// asking asks questions at the given times, in the given order. It gives up when ctx is
// done.
func asking(ctx context.Context, s *script, l *Loop, questions map[time.Duration][]time.Duration) {
	c := make(chan Question, 10)
	l.Questions = c
	for at, works := range questions {
		time.AfterFunc(at, func() {
			for i, work := range works {
				select {
				case c <- &question{s.diary, fmt.Sprintf("question %d", i+1), work}:
				case <-ctx.Done():
				}
			}
		})
	}
}

// TestLoopAnswers answers questions between samples and rounds, and delays neither.
func TestLoopAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		questions map[time.Duration][]time.Duration
		want      []string
	}{
		"at once": {
			map[time.Duration][]time.Duration{550 * ms: {0, 10 * ms, 20 * ms}},
			[]string{
				"550ms question 1 of 0s until 600ms, source true",
				"550ms question 2 of 10ms until 600ms, source true",
				"560ms question 3 of 20ms until 600ms, source true",
			},
		},
		"in parts": {
			map[time.Duration][]time.Duration{550 * ms: {500 * ms, 0}},
			[]string{
				"550ms question 1 of 500ms until 600ms, source true",
				"600ms question 1 of 450ms until 700ms, source true",
				"700ms question 1 of 350ms until 800ms, source true",
				"800ms question 1 of 250ms until 900ms, source true",
				"900ms question 1 of 150ms until 1s, source true",
				"1s question 1 of 50ms until 1.1s, source true",
				"1.05s question 2 of 0s until 1.15s, source true",
			},
		},
		"with a millisecond remaining": {
			map[time.Duration][]time.Duration{999 * ms: {5 * ms}},
			[]string{
				"999ms question 1 of 5ms until 1s, source true",
				"1s question 1 of 4ms until 1.1s, source true",
			},
		},
		"with less remaining": {
			map[time.Duration][]time.Duration{999*ms + 1: {5 * ms}, 999*ms + 2: {5 * ms}},
			[]string{
				"1s question 1 of 5ms until 1.1s, source true",
				"1.005s question 1 of 5ms until 1.105s, source true",
			},
		},
		"while a dump runs": {
			map[time.Duration][]time.Duration{2100 * ms: {0}},
			[]string{"2.3s question 1 of 0s until 2.4s, source true"},
		},
		"while the source is down": {
			map[time.Duration][]time.Duration{3950 * ms: {100 * ms}},
			[]string{"3.95s question 1 of 100ms until 4s, source false", "4s question 1 of 50ms until 4.1s, source true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := runLoop(t, 4999*ms, func(ctx context.Context, s *script, l *Loop) {
				rechecking(600*ms)(ctx, s, l)
				s.takes = func(nth int) time.Duration { return map[int]time.Duration{3: 300 * ms}[nth] }
				s.fails = func(nth int) error { return map[int]error{4: errors.New("boom")}[nth] }
				asking(ctx, s, l, test.questions)
			})
			d := diary{lines: got}
			requireLines(t, d.pick("question"), test.want...)
			requireLines(
				t, d.pick("begin", "settle", "missed"),
				"0s begin", "600ms settle", "1s begin", "1.6s settle", "2s begin", "2.6s settle", "3s begin", "4s begin", "4.6s settle",
			)
		})
	}
}

// TestLoopEndsWithQuestions ends after the turn of the current question, even if others
// wait.
func TestLoopEndsWithQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		s := &script{diary: d}
		ctx, cancel := context.WithTimeout(t.Context(), 150*ms)
		defer cancel()
		l := &Loop{Open: s.open, Interval: time.Hour, Consumer: d, Observer: onlooker{d}}
		asking(ctx, s, l, map[time.Duration][]time.Duration{0: {ms, time.Hour, 0}})
		l.Run(ctx)
		requireLines(
			t, d.pick("question", "close"),
			"0s question 1 of 1ms until 100ms, source true", "1ms question 2 of 1h0m0s until 101ms, source true",
			"101ms question 2 of 59m59.9s until 201ms, source true", "201ms close",
		)
	})
}

// TestLoopClosedQuestions continues after the channel of questions is closed.
func TestLoopClosedQuestions(t *testing.T) {
	got := runLoop(t, 1500*ms, func(_ context.Context, _ *script, l *Loop) {
		c := make(chan Question)
		close(c)
		l.Questions = c
	})
	d := diary{lines: got}
	requireLines(t, d.pick("begin"), "0s begin", "1s begin")
}

// TestAnswer answers questions until the context is done or the channel is closed.
func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		c := make(chan Question, 4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c <- &question{d, "a", 150 * ms}
		c <- &question{d, "b", 0}
		c <- &question{d, "c", time.Hour}
		Answer(ctx, c, &sampler.Replay{})
		if now := time.Since(d.begin); now != 1050*ms {
			t.Errorf("it returned after %v", now)
		}
		requireLines(
			t, d.lines[:4],
			"0s a of 150ms until 100ms, source true", "100ms a of 50ms until 200ms, source true",
			"150ms b of 0s until 250ms, source true", "150ms c of 1h0m0s until 250ms, source true",
		)
		close(c)
		Answer(t.Context(), c, nil)
	})
}
