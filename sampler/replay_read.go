package sampler

import (
	"errors"
	"io"
	"time"
)

// round plays a round of rechecking whose beginning was read.
func (p *Replay) round(start time.Time, sink Sink) (Round, error) {
	r := Round{Start: start}

	for {
		f, err := p.frame()

		switch {
		case errors.Is(err, io.EOF):
			return r, p.truncated()
		case err != nil:
			return r, err
		}

		switch f.kind {
		case frameDatagram:
			n, err := p.rows(f, nil, sink)
			if err != nil {
				return r, p.damaged() // what could not be decoded was not recorded
			}

			r.Sockets += n
		case frameRechecked:
			r.End = f.at

			return r, nil
		case frameFailed:
			return r, recordedFailure(f.payload)
		default:
			return r, p.unexpected(f)
		}
	}
}

// pass plays a round of rechecking to no one. None is in the middle of a dump.
func (p *Replay) pass(start time.Time, d Dump) error {
	if d.Datagrams > 0 {
		return p.damaged()
	}

	_, err := p.round(start, func(time.Time, []Socket) {})

	if _, replayed := errors.AsType[RecordedFailure](err); replayed {
		return nil
	}

	return err
}

// Read implements [Reader]. The sockets are those of the last dump and of the
// rounds of rechecking behind it.
func (p *Replay) Read(targets []Target, sink Sink) error {
	for i := range targets {
		if n, ok := p.played.find(&targets[i]); ok {
			sink(p.played.times[n], p.played.sockets[n:n+1])
		}
	}

	return nil
}

// played keeps the rows that were played last.
type played struct {
	sockets []Socket
	times   []time.Time    // when each was read
	index   map[uint64]int // newest row by cookie, nil until it is asked for
}

func (p *played) forget() {
	p.sockets, p.times, p.index = p.sockets[:0], p.times[:0], nil
}

func (p *played) add(at time.Time, sockets []Socket) {
	p.sockets, p.index = append(p.sockets, sockets...), nil

	for range sockets {
		p.times = append(p.times, at)
	}
}

func (p *played) find(t *Target) (n int, ok bool) {
	if p.index == nil {
		p.index = make(map[uint64]int, len(p.sockets))
		for n := range p.sockets {
			p.index[p.sockets[n].Cookie] = n
		}
	}

	n, ok = p.index[t.Cookie]

	return n, ok && t.names(&p.sockets[n])
}
