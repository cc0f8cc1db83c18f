package app

import (
	"errors"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/sampler"
)

// hostNames looks up the names in filters on this host.
func (o *options) hostNames() bytecode.Env {
	return bytecode.Env{
		Service: hostinfo.ServicePort, Interface: hostinfo.InterfaceIndex,
		Cgroup: func(name string) (uint64, bool) { return hostinfo.CgroupID(o.cgroupfs, name) },
	}
}

// applyFilter makes the connection dump what the filter selects, as far as the kernel
// can decide; the rest is dropped after decoding.
func applyFilter(conn *sampler.Conn, filter *bytecode.Filter, logger log.Logger) error {
	features, err := bytecode.Probe(conn.Offer)
	if err != nil {
		return err
	}

	plan, err := filter.Compile(features)
	if err != nil {
		return err
	}

	for _, note := range plan.Notes {
		_ = level.Debug(logger).Log("msg", "filter", "part", note)
	}

	conn.SetFilter(sampler.Filter{Program: plan.Program, Keep: keepBy(plan.Rest)})

	return nil
}

// keepBy evaluates a filter on rows, nil for no filter.
func keepBy(filter *bytecode.Filter) func(*sampler.Socket) bool {
	if filter == nil {
		return nil
	}

	return func(s *sampler.Socket) bool {
		return filter.Eval(&bytecode.Subject{
			Local:    bytecode.Endpoint(s.Local),
			Remote:   bytecode.Endpoint(s.Remote),
			CgroupID: s.CgroupID,
			Ifindex:  s.Ifindex,
			Mark:     s.Mark,
			Family:   uint8(s.Family),
		})
	}
}

// selectBy parses a filter for tracked connections, which only user space evaluates.
func (o *options) selectBy(text string) (func(*sampler.Socket) bool, error) {
	filter, err := bytecode.Parse(text, o.hostNames())
	if err == nil {
		err = filter.CheckUserSpace()
	}

	if err != nil {
		return nil, err
	}

	return keepBy(filter.Simplify()), nil
}

// isUsage reports whether an error is a mistake of the user.
func isUsage(err error) bool {
	_, kernelOnly := errors.AsType[*bytecode.KernelOnlyError](err)

	return kernelOnly
}
