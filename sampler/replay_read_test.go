package sampler

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// roundsRecording has two dumps, and after the first one three rounds of rechecking: a
// complete one, one that failed, and one that found nothing. It also returns the position
// where each of the five ends.
func roundsRecording(t testing.TB) (recording []byte, ends []int) {
	t.Helper()
	var buf bytes.Buffer
	now := time.Unix(1_700_000_000, 0)
	at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	r, err := NewRecorder(&buf, "6.1.0-test", time.Second, now)
	must(t, err)
	end := func() { ends = append(ends, buf.Len()) }
	end()
	r.Datagram(at(2), slices.Concat(rowMessage(1, 1), rowMessage(1, 2), rowMessage(1, 3), doneMessage(1, 0)))
	r.Dumped(Dump{Start: at(1), End: at(3)})
	end()
	r.Rechecking(at(250))
	r.Datagram(at(251), rowMessage(2, 2))
	r.Datagram(at(251), rowMessage(3, 3))
	r.Rechecked(Round{Start: at(250), End: at(252), Sockets: 2})
	end()
	r.Rechecking(at(500))
	r.Datagram(at(501), rowMessage(4, 3))
	r.Failed(at(502), ReasonTimeout)
	end()
	r.Rechecking(at(750))
	r.Rechecked(Round{Start: at(750), End: at(751)})
	end()
	r.Datagram(at(1002), slices.Concat(rowMessage(5, 1), doneMessage(5, 0)))
	r.Dumped(Dump{Start: at(1001), End: at(1003)})
	end()
	must(t, r.Err())
	if r.Dumps() != 2 {
		t.Errorf("%d dumps", r.Dumps())
	}
	return buf.Bytes(), ends
}

// timeline is a Consumer that notes the times of its calls.
type timeline struct{ diary }

func (l *timeline) stamp(at time.Time, what string, sockets []Socket) {
	ms := at.Sub(time.Unix(1_700_000_000, 0)).Milliseconds()
	var cookies []uint64
	for i := range sockets {
		cookies = append(cookies, sockets[i].Cookie)
	}
	l.note("%s at %d %v", what, ms, cookies)
}

func (l *timeline) Sockets(at time.Time, sockets []Socket)   { l.stamp(at, "sockets", sockets) }
func (l *timeline) Rechecked(at time.Time, sockets []Socket) { l.stamp(at, "again", sockets) }
func (l *timeline) Settle(at time.Time)                      { l.stamp(at, "settle", nil) }
func (l *timeline) Known() []Target                          { return nil }
func (l *timeline) Gone(Space, time.Time)                    {}
func (l *timeline) Publish(time.Time)                        {}
func (l *timeline) End(d Dump)                               { l.stamp(d.End, "end", nil) }

// TestPlayRounds replays dumps and rounds in their order and with their times. A filter
// applies to both.
func TestPlayRounds(t *testing.T) {
	recording, _ := roundsRecording(t)
	for name, test := range map[string]struct {
		keep func(*Socket) bool
		want []string
	}{
		"all": {nil, []string{
			"0s begin", "0s sockets at 2 [1 2 3]", "0s end at 3 []", "0s ticked 3, took 0s",
			"0s again at 251 [2]", "0s again at 251 [3]", "0s settle at 252 []", "0s recheck 2, took 0s",
			"0s again at 501 [3]", "0s failed: recorded failure: timeout, retry 0s",
			"0s settle at 751 []", "0s recheck 0, took 0s",
			"0s begin", "0s sockets at 1002 [1]", "0s end at 1003 []", "0s ticked 1, took 0s",
		}},
		"all but one": {func(s *Socket) bool { return s.Cookie != 3 }, []string{
			"0s begin", "0s sockets at 2 [1 2]", "0s end at 3 []", "0s ticked 2, took 0s",
			"0s again at 251 [2]", "0s settle at 252 []", "0s recheck 1, took 0s",
			"0s failed: recorded failure: timeout, retry 0s",
			"0s settle at 751 []", "0s recheck 0, took 0s",
			"0s begin", "0s sockets at 1002 [1]", "0s end at 1003 []", "0s ticked 1, took 0s",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := NewReplay(bytes.NewReader(recording))
				must(t, err)
				p.SetKeep(test.keep)
				l := &timeline{*newDiary()}
				must(t, playOut(p, l, onlooker{&l.diary}))
				requireLines(t, l.lines, test.want...)
			})
		})
	}
}

// TestReplayDumpPassesRounds replays the dumps only.
func TestReplayDumpPassesRounds(t *testing.T) {
	recording, _ := roundsRecording(t)
	p, err := NewReplay(bytes.NewReader(recording))
	must(t, err)
	for _, want := range [][]uint64{{1, 2, 3}, {1}} {
		if d, cookies, _, err := collect(p); err != nil || !slices.Equal(cookies, want) || d.Sockets != len(want) {
			t.Errorf("%+v with %v, %v; want %v", d, cookies, err, want)
		}
	}
	if _, _, _, err := collect(p); !errors.Is(err, io.EOF) {
		t.Errorf("at the end %v", err)
	}
}

// playOn replays a recording up to its end or an error, and counts the parts.
func playOn(p *Replay) (parts int, err error) {
	d := newDiary()
	for ; ; parts++ {
		err = p.Next(d, onlooker{d})
		if err != nil && ReasonOf(err) != ReasonTimeout {
			return parts, err
		}
	}
}

// TestReplayRoundsTruncated truncates a recording with rounds at every byte.
func TestReplayRoundsTruncated(t *testing.T) {
	recording, ends := roundsRecording(t)
	for length := ends[0]; length <= len(recording); length++ {
		p, err := NewReplay(bytes.NewReader(recording[:length]))
		must(t, err)
		parts, err := playOn(p)
		want := -1
		for _, end := range ends {
			want += int(one(length >= end))
		}
		if atEnd := slices.Contains(ends, length); parts != want || errors.Is(err, io.EOF) != atEnd || errors.Is(err, ErrRecording) == atEnd {
			t.Errorf("%d bytes: %d parts, want %d; %v", length, parts, want, err)
		}
	}
}

// TestReplayRoundsDamaged rejects frames in wrong places.
func TestReplayRoundsDamaged(t *testing.T) {
	at := time.Unix(5, 0)
	begin := func() *recordingBuilder {
		return newRecording(metaOf("6.1")).frame(frameRechecking, at, nil)
	}
	for name, file := range map[string]*recordingBuilder{
		"a round in a round": begin().frame(frameRechecking, at, nil),
		"a dump in a round":  begin().frame(frameDatagram, at, rowMessage(1, 1)).frame(frameDumped, at, make([]byte, 8)),
		"a round in a dump":  newRecording(metaOf("6.1")).frame(frameDatagram, at, rowMessage(1, 1)).frame(frameRechecking, at, nil).frame(frameRechecked, at, nil).frame(frameDumped, at, make([]byte, 8)),
		"no beginning":       newRecording(metaOf("6.1")).frame(frameRechecked, at, nil),
		"an unknown frame":   begin().frame(9, at, nil),
		"a broken datagram":  begin().frame(frameDatagram, at, []byte{1, 2, 3}).frame(frameRechecked, at, nil),
	} {
		t.Run(name, func(t *testing.T) {
			for what, play := range map[string]func(*Replay) error{
				"Next": func(p *Replay) error { _, err := playOn(p); return err },
				"Dump": func(p *Replay) error { _, err := p.Dump(func(time.Time, []Socket) {}); return err },
			} {
				p, err := NewReplay(bytes.NewReader(file.Bytes()))
				must(t, err)
				if err := play(p); !errors.Is(err, ErrRecording) || errors.Is(err, io.EOF) {
					t.Errorf("%s: error is %v", what, err)
				}
			}
		})
	}
}

// TestReplayRead reads the sockets that were replayed last.
func TestReplayRead(t *testing.T) {
	recording, _ := roundsRecording(t)
	p, err := NewReplay(bytes.NewReader(recording))
	must(t, err)
	stranger := targetOf(1)
	stranger.Remote.Port++
	targets := append(targetsOf(4), stranger)
	read := func() []string {
		l := &timeline{diary{begin: time.Now()}}
		must(t, p.Read(targets, func(at time.Time, sockets []Socket) { l.stamp(at, "read", sockets) }))
		for i := range l.lines {
			_, l.lines[i], _ = strings.Cut(l.lines[i], " ")
		}
		return l.lines
	}
	requireLines(t, read())
	d := newDiary()
	for _, want := range [][]string{
		{"read at 2 [1]", "read at 2 [2]", "read at 2 [3]"},
		{"read at 2 [1]", "read at 251 [2]", "read at 251 [3]"},
		{"read at 2 [1]", "read at 251 [2]", "read at 501 [3]"},
		{"read at 2 [1]", "read at 251 [2]", "read at 501 [3]"},
		{"read at 1002 [1]"},
		{"read at 1002 [1]"}, // the recording is over
	} {
		if err := p.Next(d, onlooker{d}); err != nil && ReasonOf(err) != ReasonTimeout && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		requireLines(t, read(), want...)
	}
}
