package loop

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"tcphealth_exporter/sampler"
)

// Others samples the network namespaces beside the exporter's own. All calls come from the
// goroutine that samples.
type Others interface {
	// Sample passes the sockets of the namespaces that are due to c, and reports those
	// that are gone. It ends when it has used the budget, CPU time of the calling thread,
	// zero for no limit; the rest is due in the next tick. Errors end the sample of one
	// namespace only.
	Sample(budget time.Duration, c sampler.Consumer)
	// Source returns what reads the sockets of a namespace, nil if it is not sampled now.
	Source(space sampler.Space) sampler.Source
	// Close closes all sources.
	Close()
}

// sampleOthers samples the other namespaces with the CPU time that the exporter's own
// leaves them.
func (l *Loop) sampleOthers() {
	if l.Others == nil {
		return
	}

	if l.MaxCPU <= 0 {
		l.Others.Sample(0, l.Consumer)

		return
	}

	before := l.CPU()
	l.Others.Sample(l.governor.left(), l.Consumer)
	l.others = l.CPU() - before
}

// reader reads sockets of all namespaces.
type reader struct{ loop *Loop }

// reader returns a reader of all namespaces, nil while the exporter's own has no source.
func (l *Loop) reader() sampler.Reader {
	switch {
	case l.source == nil:
		return nil
	case l.Others == nil:
		return l.source
	default:
		return reader{l}
	}
}

// Read implements [sampler.Reader]. Targets in namespaces without a source are treated as
// gone.
func (r reader) Read(targets []sampler.Target, sink sampler.Sink) error {
	for space, part := range bySpace(targets) {
		source := r.loop.sourceOf(space)
		if source == nil {
			continue
		}

		if err := source.Read(part, sink); err != nil && space == 0 {
			return err
		}
	}

	return nil
}

// sourceOf returns the source of a namespace, nil for none.
func (l *Loop) sourceOf(space sampler.Space) sampler.Source {
	if space == 0 {
		return l.source
	}

	if l.Others == nil {
		return nil
	}

	return l.Others.Source(space)
}

// bySpace returns the targets of each namespace, in runs of consecutive targets.
func bySpace(targets []sampler.Target) iter.Seq2[sampler.Space, []sampler.Target] {
	return func(yield func(sampler.Space, []sampler.Target) bool) {
		for len(targets) > 0 {
			space, n := targets[0].Space, 1
			for n < len(targets) && targets[n].Space == space {
				n++
			}

			if !yield(space, targets[:n]) {
				return
			}

			targets = targets[n:]
		}
	}
}

// recheckAll rechecks targets in their namespaces. An error in another namespace than the
// exporter's own only leaves its targets as they were.
func (l *Loop) recheckAll(targets []sampler.Target, sink sampler.Sink) (all sampler.Round, err error) {
	if l.Others != nil {
		slices.SortStableFunc(targets, func(a, b sampler.Target) int { return cmp.Compare(a.Space, b.Space) })
	}

	all.Start = time.Now()

	for space, part := range bySpace(targets) {
		source := l.sourceOf(space)
		if source == nil {
			continue
		}

		round, err := source.Recheck(part, sink)
		if err != nil && space == 0 {
			return all, err
		}

		all.Sockets += round.Sockets
	}

	all.End = time.Now()

	return all, nil
}
