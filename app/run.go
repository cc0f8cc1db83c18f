package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

const program = "tcphealth_exporter"

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// gcPercent keeps the heap close to the memory in use. Most of it is tables without
// pointers, which cost a collection nothing.
const gcPercent = 20

// Main runs the program until SIGINT or SIGTERM and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	return run(ctx, args, stdout, stderr)
}

// run runs the program until ctx is done and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args, stdout)

	switch {
	case errors.Is(err, errAnswered):
		return exitOK
	case err != nil:
		complain(stderr, err, ", try --help")

		return exitUsage
	case opts.configCheck:
		_, _ = fmt.Fprintln(stdout, opts.checked())

		return exitOK
	}

	if opts.dryRun {
		err = dryRun(ctx, opts, stdout, stderr)
	} else {
		err = serve(ctx, opts, stderr)
	}

	switch {
	case err == nil:
		return exitOK
	case isUsage(err):
		complain(stderr, err, "")

		return exitUsage
	default:
		complain(stderr, err, "")

		return exitFailure
	}
}
