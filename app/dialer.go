package app

import (
	"errors"
	"path"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/proctcp"
)

// dialer opens netlink sockets that dump connections.
type dialer struct {
	congestionInfo bool
	filter         *bytecode.Filter  // nil for none
	recorder       *sampler.Recorder // nil for none
	skip           sampler.Skip
	logger         log.Logger
}

func (d *dialer) dial() (sampler.Source, error) {
	cfg := sampler.Config{CongestionInfo: d.congestionInfo}
	if d.recorder != nil {
		cfg.Tap = d.recorder
	}

	conn, err := sampler.Dial(cfg)
	if err != nil {
		return nil, err
	}

	if err := d.prepare(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}

	_ = level.Debug(d.logger).Log("msg", "netlink socket opened", "one_dump_for_both_families", conn.Legacy())

	return conn, nil
}

// open returns what opens the sockets of the exporter's own namespace: netlink, or files where
// that is refused, if neither the recording nor the filter depends on it.
func (d *dialer) open(procfs string, fellBack func(yes bool)) func() (sampler.Source, error) {
	if d.recorder != nil || d.filter != nil && d.filter.CheckProc() != nil {
		return d.dial
	}

	fallback := &proctcp.Fallback{Dial: d.dial, Dir: path.Join(procfs, "self/net"), Config: proctcp.Config{Keep: keepBy(d.filter)}}
	fallback.Changed = func(reason error) {
		fellBack(reason != nil)

		if reason == nil {
			_ = level.Info(d.logger).Log("msg", "socket diagnostics work again")

			return
		}

		_ = level.Warn(d.logger).Log("msg", "socket diagnostics are refused, sockets are read from procfs: losses and delays are unknown",
			"err", reason, "hint", sampler.ReasonOf(reason).Hint())
	}

	return fallback.Open
}

// prepare sets which connections a socket dumps.
func (d *dialer) prepare(conn *sampler.Conn) error {
	conn.SetSkip(d.skip)

	if d.filter == nil {
		return nil
	}

	return applyFilter(conn, d.filter, d.logger)
}

// checkFilter checks whether the kernel can evaluate the filter. If the kernel cannot be
// reached yet, sampling retries later.
func (d *dialer) checkFilter() error {
	if d.filter == nil {
		return nil
	}

	source, err := d.dial()
	if err == nil {
		return source.Close()
	}

	if isUsage(err) {
		return err
	}

	return nil
}
