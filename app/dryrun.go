package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/sampler"
)

// errOverBudget means that a budget leaves something out.
var errOverBudget = errors.New("not everything has series of its own")

// dryRun takes one sample, or replays a recording to its end, and prints the number of
// series. It returns errOverBudget if connections or groups are left out.
func dryRun(ctx context.Context, opts *options, stdout, stderr io.Writer) error {
	source, err := openFiles(opts)
	if err != nil {
		return err
	}
	defer source.close()

	e, err := wire(opts, source, stderr)
	if err != nil {
		return err
	}
	defer e.reloader.stop()

	if source.replay != nil {
		err = e.play(ctx, source.replay, e.tracker, e.reporter())
	} else {
		err = e.sampleOnce()
		e.kernel.once()
	}

	if err != nil {
		return err
	}

	return e.report(stdout)
}

// sampleOnce takes one sample of the kernel.
func (e *exporter) sampleOnce() error {
	conn, err := e.dial()
	if err != nil {
		return err
	}
	defer conn.Close()

	e.tracker.Begin(0)

	d, err := conn.Dump(e.tracker.Sockets)
	if err != nil {
		return fmt.Errorf("sample (%s): %w", sampler.ReasonOf(err), err)
	}

	e.tracker.End(d)

	return nil
}

// report writes the number of series by family, and what the budgets leave out.
func (e *exporter) report(w io.Writer) error {
	_, gatherer := e.gatherer()

	families, done, err := gatherer.Gather()
	if err != nil {
		return err
	}
	defer done()

	s := e.latest.snapshot.Load()
	shown := s.Tracker.Live - s.Unexported
	groups := len(s.Groups) - 1 // the one for the rest apart
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	total := 0

	for _, f := range families {
		n := seriesOf(f)
		total += n
		_, _ = fmt.Fprintf(table, "%s\t%d\n", f.GetName(), n)
	}

	_, _ = fmt.Fprintf(table, "\nseries\t%d\n", total)
	_, _ = fmt.Fprintf(table, "connections\t%d, %d of them with series of their own (--collector.connections=%d)\n",
		s.Tracker.Live, shown, e.opts.connections)
	_, _ = fmt.Fprintf(table, "groups\t%d, %d of them with series of their own (--collector.groups=%d)\n",
		groups+s.GroupsFolded, groups, e.opts.groups)

	if err := table.Flush(); err != nil {
		return err
	}

	crowded := s.Unexported > 0 && e.opts.connections > 0
	folded := s.GroupsFolded > 0 && e.opts.groups > 0

	if crowded || folded {
		return errOverBudget
	}

	return nil
}

// seriesOf counts the series of a family in the text format.
func seriesOf(f *dto.MetricFamily) int {
	if f.GetType() != dto.MetricType_HISTOGRAM {
		return len(f.Metric)
	}

	const sumCountInf = 3

	n := 0
	for _, m := range f.Metric {
		n += len(m.Histogram.Bucket) + sumCountInf
	}

	return n
}
