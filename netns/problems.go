package netns

import "fmt"

// report reports a problem of opening a namespace once.
func (w *Watcher) report(r Result, err error) {
	switch r {
	case Denied:
		w.problem(ErrDenied, true, err)
	case Unavailable:
		w.problem(ErrUnavailable, true, err)
	case Opened, Raced, Failed:
	}
}

// problem reports a problem when it begins. err has the details, nil for none.
func (w *Watcher) problem(kind error, exists bool, err error) {
	if exists && !w.reported[kind] {
		w.cfg.Report(withDetails(kind, err))
	}

	w.reported[kind] = exists
}

func withDetails(kind, err error) error {
	if err == nil {
		return kind
	}

	return fmt.Errorf("%w: %w", kind, err)
}

// count updates the statistics of the namespaces that are not watched. Problems without a
// trace are over.
func (w *Watcher) count() {
	skipped, denied, excluded := w.table.counts()
	w.stats.counted(skipped, denied, excluded)

	if denied == 0 {
		w.reported[ErrDenied], w.reported[ErrUnavailable] = false, false
	}
}
