package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/logging"
	"tcphealth_exporter/sampler"
)

// errOverBudget means that a budget leaves something out.
var errOverBudget = errors.New("not everything has series of its own")

// dryRun takes one sample, or replays a recording to its end, and prints the number of
// series. It returns errOverBudget if connections, groups or listeners are left out.
func dryRun(ctx context.Context, opts *options, stdout io.Writer, log *logging.Queue) error {
	source, err := openFiles(opts)
	if err != nil {
		return err
	}
	defer source.close()

	e, err := wire(opts, source, log)
	if err != nil {
		return err
	}
	defer e.reloader.stop()

	if source.replay != nil {
		err = e.play(ctx, source.replay, e.tracker, e.reporter(nil))
	} else {
		err = sampleOnce(e.dialer, e.tracker)
		e.stats.once()
	}

	if err != nil {
		return err
	}

	_, gatherer := e.gatherer()

	return report(stdout, opts, gatherer, e.latest.snapshot.Load())
}

// sampleOnce takes one sample of the kernel.
func sampleOnce(kernel *dialer, consumer sampler.Consumer) error {
	conn, err := kernel.dial()
	if err != nil {
		return err
	}
	defer conn.Close()

	d, err := sampler.Sample(0, conn.Dump, consumer)
	if err != nil {
		return fmt.Errorf("sample (%s): %w", sampler.ReasonOf(err), err)
	}

	consumer.Publish(d.End)

	return nil
}

// report writes the number of series by family, and what the budgets leave out of the
// snapshot.
func report(w io.Writer, opts *options, gatherer prometheus.TransactionalGatherer, s *health.Snapshot) error {
	families, done, err := gatherer.Gather()
	if err != nil {
		return err
	}
	defer done()

	exported := s.Tracker.Live - s.Unexported
	groups := len(s.Groups) - 1 // without the one for the rest
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	total := 0

	for _, f := range families {
		n := seriesOf(f)
		total += n
		_, _ = fmt.Fprintf(table, "%s\t%d\n", f.GetName(), n)
	}

	_, _ = fmt.Fprintf(table, "\nseries\t%d\n", total)
	_, _ = fmt.Fprintf(table, "connections\t%d, %d of them with series of their own (--collector.connections=%d)\n",
		s.Tracker.Live, exported, opts.connections)
	_, _ = fmt.Fprintf(table, "groups\t%d, %d of them with series of their own (--collector.groups=%d)\n",
		groups+s.GroupsFolded, groups, opts.groups)

	_, _ = fmt.Fprintf(table, "listeners\t%d, %d of them with series of their own (--collector.listeners=%d)\n",
		len(s.Listeners)+s.ListenersUnexported, len(s.Listeners), opts.listeners)

	if err := table.Flush(); err != nil {
		return err
	}

	crowded := s.Unexported > 0 && opts.connections > 0
	folded := s.GroupsFolded > 0 && opts.groups > 0
	listenersLeft := s.ListenersUnexported > 0 && opts.listeners > 0

	if crowded || folded || listenersLeft {
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
