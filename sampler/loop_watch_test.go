package sampler

import (
	"context"
	"errors"
	"testing"
	"time"
)

const ms = time.Millisecond

// watching makes the loop re-read three sockets.
func watching(interval time.Duration) func(context.Context, *script, *Loop) {
	return func(_ context.Context, s *script, l *Loop) {
		l.WatchInterval = interval
		s.diary.watched = make([]Target, 3)
	}
}

// TestLoopRereads makes rounds on a grid between the ticks.
func TestLoopRereads(t *testing.T) {
	for interval, want := range map[time.Duration][]string{
		0:           nil,
		-ms:         nil,
		250 * ms:    {"250ms", "500ms", "750ms", "1.25s", "1.5s", "1.75s"},
		300 * ms:    {"300ms", "600ms", "900ms", "1.3s", "1.6s", "1.9s"},
		333 * ms:    {"333ms", "666ms", "1.333s", "1.666s"}, // 999 ms is too near to the tick
		500 * ms:    {"500ms", "1.5s"},
		909 * ms:    {"909ms", "1.909s"}, // 91 ms are a tenth of it
		910 * ms:    nil,
		time.Second: nil,
		time.Hour:   nil,
	} {
		t.Run(interval.String(), func(t *testing.T) {
			got := runLoop(t, 1999*ms, watching(interval))
			d := diary{lines: got}
			var all []string
			for _, at := range want {
				all = append(all, at+" 3 again", at+" settle", at+" reread 3, took 0s")
			}
			requireLines(t, d.pick("again", "settle", "reread"), all...)
			requireLines(t, d.pick("begin"), "0s begin", "1s begin")
		})
	}
}

// TestLoopRereadsNothing asks nobody when nothing is watched.
func TestLoopRereadsNothing(t *testing.T) {
	got := runLoop(t, 999*ms, func(_ context.Context, _ *script, l *Loop) { l.WatchInterval = 250 * ms })
	requireLines(t, got, "0s open", "0s begin", "0s 1 sockets", "0s end 1", "0s ticked 1, took 0s", "999ms close")
}

// TestLoopDropsRounds drops the rounds that a late dump or round has passed.
func TestLoopDropsRounds(t *testing.T) {
	got := runLoop(t, 3999*ms, func(ctx context.Context, s *script, l *Loop) {
		watching(250*ms)(ctx, s, l)
		s.takes = func(nth int) time.Duration { return []time.Duration{0, 300 * ms, 250 * ms, 1100 * ms}[nth%4] }
		s.roundTakes = func(nth int) time.Duration { return map[int]time.Duration{2: 260 * ms, 4: 20 * ms}[nth] }
	})
	d := diary{lines: got}
	requireLines(
		t, d.pick("begin", "settle", "missed", "reread"),
		"0s begin", "500ms settle", "500ms reread 3, took 0s", "1.01s settle", "1.01s reread 3, took 260ms",
		"1.01s begin", // 250 ms, beyond the first round: the tick came late, its grid did not
		"1.5s settle", "1.5s reread 3, took 0s", "1.77s settle", "1.77s reread 3, took 20ms",
		"2s begin", "3.1s missed 1", "3.25s settle", "3.25s reread 3, took 0s",
		"3.5s settle", "3.5s reread 3, took 0s", "3.75s settle", "3.75s reread 3, took 0s",
	)
}

// TestLoopRoundFails closes the source after a round that broke off, as after a dump.
func TestLoopRoundFails(t *testing.T) {
	got := runLoop(t, 1600*ms, func(ctx context.Context, s *script, l *Loop) {
		watching(250*ms)(ctx, s, l)
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
