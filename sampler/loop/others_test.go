package loop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// neighbors are two other namespaces, 1 and 2, whose samples take no time.
type neighbors struct {
	diary   *diary
	budgets []time.Duration
	// sources by namespace, of which those that are missing are nil.
	sources map[sampler.Space]*script
}

func (n *neighbors) Sample(budget time.Duration, c sampler.Consumer) {
	n.budgets = append(n.budgets, budget)

	for _, space := range []sampler.Space{1, 2} {
		n.diary.note("other %d", space)

		if source := n.sources[space]; source != nil {
			_, _ = sampler.Sample(space, source.Dump, c)
		}
	}
}

func (n *neighbors) Source(space sampler.Space) sampler.Source {
	if source := n.sources[space]; source != nil {
		return source
	}

	return nil
}

func (n *neighbors) Close() { n.diary.note("close others") }

func newNeighbors(d *diary) *neighbors {
	return &neighbors{diary: d, sources: map[sampler.Space]*script{1: {diary: d}, 2: {diary: d}}}
}

// TestOthersAreSampled takes one sample of each namespace per tick, the own one first.
func TestOthersAreSampled(t *testing.T) {
	got := runLoop(t, 1500*time.Millisecond, func(_ context.Context, s *script, l *Loop) { l.Others = newNeighbors(s.diary) })
	requireLines(
		t, got,
		"0s open", "0s begin", "0s 1 sockets", "0s end 1",
		"0s other 1", "0s begin", "0s 1 sockets", "0s end 1",
		"0s other 2", "0s begin", "0s 1 sockets", "0s end 1",
		"0s ticked 1, took 0s",
		"1s begin", "1s 2 sockets", "1s end 2",
		"1s other 1", "1s begin", "1s 2 sockets", "1s end 2",
		"1s other 2", "1s begin", "1s 2 sockets", "1s end 2",
		"1s ticked 2, took 0s",
		"1.5s close", "1.5s close others",
	)
}

// TestOthersSurviveOwn: while the exporter's own namespace cannot be sampled, the others
// are, at every tick.
func TestOthersSurviveOwn(t *testing.T) {
	got := runLoop(t, 9500*time.Millisecond, func(_ context.Context, s *script, l *Loop) {
		s.openErr = func(nth int) error {
			if nth <= 3 {
				return fmt.Errorf("attempt %d", nth)
			}

			return nil
		}
		l.Others = newNeighbors(s.diary)
	})
	d := diary{lines: got}
	requireLines(
		t, d.pick("failed", "other 1", "ticked"),
		"0s other 1", "0s failed: attempt 1, retry 1s",
		"1s other 1", "1s failed: attempt 2, retry 2s",
		"2s other 1",
		"3s other 1", "3s failed: attempt 3, retry 4s",
		"4s other 1", "5s other 1", "6s other 1",
		"7s other 1", "7s ticked 1, took 0s",
		"8s other 1", "8s ticked 2, took 0s",
		"9s other 1", "9s ticked 3, took 0s",
	)
}

// TestOthersAreRechecked rechecks each target in its namespace. One that cannot be read
// spoils no other.
func TestOthersAreRechecked(t *testing.T) {
	var others *neighbors

	got := runLoop(t, 900*time.Millisecond, func(_ context.Context, s *script, l *Loop) {
		others = newNeighbors(s.diary)
		others.sources[1].roundFails = func(int) error { return errors.New("gone") }
		l.Others, l.RecheckInterval = others, 500*time.Millisecond
		s.diary.suspicious = []sampler.Target{{Space: 2}, {Space: 0}, {Space: 1}, {Space: 2}, {Space: 9}}
	})
	d := diary{lines: got}
	requireLines(t, d.pick("again", "recheck", "settle"), "500ms 1 again", "500ms 2 again", "500ms settle", "500ms recheck 3, took 0s")
}

// TestOthersHaveABudget: the others get what the own namespace leaves of the CPU share.
func TestOthersHaveABudget(t *testing.T) {
	var others *neighbors

	cpu := time.Duration(0)

	got := runLoop(t, 20500*time.Millisecond, func(_ context.Context, s *script, l *Loop) {
		others = newNeighbors(s.diary)
		l.Others, l.MaxCPU, l.MaxInterval = others, 0.1, time.Second
		l.CPU = func() time.Duration {
			cpu += 10 * time.Millisecond

			return cpu
		}
	})

	if last := others.budgets[len(others.budgets)-1]; last < 75*time.Millisecond || last > 85*time.Millisecond {
		t.Errorf("the budget is %v of 100 ms, of which the own namespace takes 20 ms", last)
	}

	d := diary{lines: got}
	if paced := d.pick("paced"); paced != nil {
		t.Errorf("paced: %q", paced)
	}
}

// TestQuestionsReadAllSpaces reads each target of a question in its namespace.
func TestQuestionsReadAllSpaces(t *testing.T) {
	own, other := &reads{}, &reads{err: errors.New("gone")}
	l := &Loop{source: own, Others: &oneOther{other}}
	targets := []sampler.Target{{Cookie: 1}, {Cookie: 2, Space: 7}, {Cookie: 3, Space: 8}, {Cookie: 4}, {Cookie: 5}}

	if err := l.reader().Read(targets, nil); err != nil {
		t.Error(err)
	}

	if len(own.targets) != 3 || own.targets[2].Cookie != 5 || len(other.targets) != 1 || other.targets[0].Cookie != 2 {
		t.Errorf("own %v, other %v", own.targets, other.targets)
	}

	own.err = errors.New("failed")
	if err := l.reader().Read(targets, nil); !errors.Is(err, own.err) {
		t.Errorf("error %v", err)
	}
}

// reads is a source that notes what is read.
type reads struct {
	script

	targets []sampler.Target
	err     error
}

func (r *reads) Read(targets []sampler.Target, _ sampler.Sink) error {
	r.targets = append(r.targets, targets...)

	return r.err
}

// oneOther is the namespace 7.
type oneOther struct{ source *reads }

func (o *oneOther) Sample(time.Duration, sampler.Consumer) {}
func (o *oneOther) Close()                                 {}

func (o *oneOther) Source(space sampler.Space) sampler.Source {
	if space != 7 {
		return nil
	}

	return o.source
}
