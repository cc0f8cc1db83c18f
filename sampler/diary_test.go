package sampler

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// diary is a Consumer that notes its calls and their times.
type diary struct {
	begin time.Time
	lines []string
}

func newDiary() *diary { return &diary{begin: time.Now()} }

func (d *diary) note(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf("%v ", time.Since(d.begin))+fmt.Sprintf(format, args...))
}

func (d *diary) Begin(Space)                             { d.note("begin") }
func (d *diary) Sockets(_ time.Time, sockets []Socket)   { d.note("%d sockets", len(sockets)) }
func (d *diary) End(dump Dump)                           { d.note("end %d", dump.Sockets) }
func (d *diary) Abort()                                  { d.note("abort") }
func (d *diary) Suspicious() []Target                    { return nil }
func (d *diary) Rechecked(_ time.Time, sockets []Socket) { d.note("%d again", len(sockets)) }
func (d *diary) Settle(time.Time)                        { d.note("settle") }
func (d *diary) Known() []Target                         { return nil }
func (d *diary) Gone(Space, time.Time)                   {}
func (d *diary) Publish(time.Time)                       {}

// onlooker is an Observer that notes its calls in a diary.
type onlooker struct{ *diary }

func (o onlooker) Rechecked(n int, took time.Duration)   { o.note("recheck %d, took %v", n, took) }
func (o onlooker) Missed(n int)                          { o.note("missed %d", n) }
func (o onlooker) Delayed(time.Duration)                 {}
func (o onlooker) Paced(interval time.Duration)          { o.note("paced %s", interval) }
func (o onlooker) Failed(err error, retry time.Duration) { o.note("failed: %v, retry %v", err, retry) }

func (o onlooker) Ticked(dump Dump, took time.Duration) {
	o.note("ticked %d, took %v", dump.Sockets, took)
}

// playOut replays a recording to its end. It reports recorded failures.
func playOut(p *Replay, c Consumer, o Observer) error {
	for {
		err := p.Next(c, o)

		var recorded RecordedFailure

		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &recorded):
			o.Failed(err, 0)
		case err != nil:
			return err
		}
	}
}

// requireLines fails unless the lines are the expected ones.
func requireLines(t testing.TB, got []string, want ...string) {
	t.Helper()

	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
