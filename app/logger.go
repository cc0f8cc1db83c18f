package app

import (
	"io"
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"
)

// newLogger returns the program's logger, and one for libraries that use slog and add
// the time themselves. Both write the same lines, and limit how often a message is
// repeated.
func newLogger(w io.Writer, minimum, format string) (log.Logger, *slog.Logger) {
	lines := log.NewLogfmtLogger(w)
	if format == "json" {
		lines = log.NewJSONLogger(w)
	}

	var logger log.Logger = newLimiter(lines)

	logger = level.NewFilter(logger, level.Allow(level.ParseDefault(minimum, level.InfoValue())))

	return log.With(logger, "time", log.DefaultTimestampUTC),
		slog.New(sloggokit.NewGoKitHandler(logger, slog.LevelDebug))
}
