package logging

import (
	"io"
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"
)

// New returns a logger, and one for libraries that use slog and add the time themselves.
// Both write the same lines, of the given minimum level (debug, info, warn, error) and
// format (logfmt, json), and limit how often a message is repeated. They also log how many
// lines were dropped, as counted by dropped.
func New(w io.Writer, dropped func() uint64, minimum, format string) (log.Logger, *slog.Logger) {
	lines := log.NewLogfmtLogger(w)
	if format == "json" {
		lines = log.NewJSONLogger(w)
	}

	var logger log.Logger = newLimiter(&lossReport{next: lines, dropped: dropped})

	logger = level.NewFilter(logger, level.Allow(level.ParseDefault(minimum, level.InfoValue())))

	return log.With(logger, "time", log.DefaultTimestampUTC),
		slog.New(sloggokit.NewGoKitHandler(logger, slog.LevelDebug))
}

// lossReport is a logger that also logs the number of dropped lines, once no more are
// dropped.
type lossReport struct {
	next    log.Logger
	dropped func() uint64
	// seen is the count at the previous line, reported the count that was last logged.
	seen, reported uint64
}

// Log implements [log.Logger]. Calls must not overlap.
func (l *lossReport) Log(keyvals ...any) error {
	n := l.dropped()

	if n == l.seen && n > l.reported {
		_ = level.Warn(log.With(l.next, "time", log.DefaultTimestampUTC)).Log("msg", "log lines were dropped", "count", n-l.reported)
		l.reported = n
	}

	l.seen = n

	return l.next.Log(keyvals...)
}

// Logger returns a logger to the queue, see [New].
func (q *Queue) Logger(minimum, format string) log.Logger {
	logger, _ := New(q, q.Dropped, minimum, format)

	return logger
}
