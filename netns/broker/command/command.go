// Package command is the command netns-broker of the program: its command line and its
// life.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"tcphealth_exporter/cmdline"
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/netns/broker"
)

// Name is the name of the command.
const Name = "netns-broker"

const (
	fullName = "tcphealth_exporter " + Name
	about    = "Opens sockets for reading socket diagnostics in other network namespaces, and passes them to the exporter.\n\n" +
		"It needs CAP_SYS_ADMIN and CAP_SYS_PTRACE, so that the exporter needs no capability. See SECURITY.md for what a client can do."
)

// options is the parsed command line.
type options struct{ path, cgroupfs, logLevel, logFormat string }

// Run runs the broker until ctx is done, which is no error. Help and version go to stdout;
// logger returns the logger for a level and a format. The error is a [cmdline.UsageError] if
// it is in the command line.
func Run(ctx context.Context, args []string, stdout io.Writer, logger func(level, format string) log.Logger) error {
	o, err := parse(args, stdout)

	switch {
	case errors.Is(err, cmdline.ErrAnswered):
		return nil
	case err != nil:
		return err
	}

	listener, err := broker.Listen(o.path)
	if err != nil {
		return fmt.Errorf("--netns.broker: %w", err)
	}

	lines := logger(o.logLevel, o.logFormat)
	_ = level.Info(lines).Log("msg", "starting "+fullName, "version", version.Info(), "build", version.BuildContext())

	root, _ := hostinfo.CgroupRoot(o.cgroupfs)
	if err := broker.Serve(ctx, listener, broker.Config{CgroupRoot: root, Logger: lines}); err != nil {
		return err
	}

	_ = level.Info(lines).Log("msg", "stopped")

	return nil
}

// parse reads the command line.
func parse(args []string, stdout io.Writer) (o options, err error) {
	app := cmdline.New(fullName, about, stdout)
	app.Flag("netns.broker", "Path of the Unix socket to listen at, which its group may connect to; by default, the socket that systemd passes.").
		PlaceHolder("PATH").StringVar(&o.path)
	app.Flag("path.cgroupfs", "Mount point of cgroups: of the cgroup v2 hierarchy, or of the directory unified with it.").
		Default(hostinfo.CgroupMount).StringVar(&o.cgroupfs)
	app.LogFlags(&o.logLevel, &o.logFormat)

	if err := app.Parse(args); err != nil {
		return options{}, err
	}

	if o.path != "" {
		if err := broker.CheckPath(o.path); err != nil {
			return options{}, &cmdline.UsageError{Err: fmt.Errorf("--netns.broker: %w", err)}
		}
	}

	if !path.IsAbs(o.cgroupfs) {
		return options{}, &cmdline.UsageError{Err: fmt.Errorf("--path.cgroupfs: expected an absolute path, found %q", o.cgroupfs)}
	}

	return o, nil
}
