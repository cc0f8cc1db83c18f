package sampler

import (
	"errors"
	"io"
	"time"
)

// round replays a round of rechecking, after the frame that starts it.
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
				return r, p.damaged("datagram: %v", err) // the recorder writes only what could be decoded
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

// pass skips a round of rechecking. One within a dump is an error.
func (p *Replay) pass(start time.Time, d Dump) error {
	if d.Datagrams > 0 {
		return p.damaged("recheck within a dump")
	}

	_, err := p.round(start, func(time.Time, []Socket) {})

	if _, replayed := errors.AsType[RecordedFailure](err); replayed {
		return nil
	}

	return err
}

// Read implements [Reader]. It reads from the last dump and the rounds of rechecking
// after it.
func (p *Replay) Read(targets []Target, sink Sink) error {
	for i := range targets {
		if n, ok := p.played.find(&targets[i]); ok {
			sink(p.played.times[n], p.played.sockets[n:n+1])
		}
	}

	return nil
}

// played keeps the sockets of the last dump and of the rounds of rechecking after it.
type played struct {
	sockets []Socket
	times   []time.Time    // when each was read
	index   map[uint64]int // newest socket by cookie, nil until needed
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
