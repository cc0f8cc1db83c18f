package main

import (
	"errors"
	"net"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/sampler"
)

// cgroupRoot is where the cgroup v2 hierarchy is mounted.
const cgroupRoot = "/sys/fs/cgroup"

// parseFilter reads the text of --sampler.filter; names are those of this host.
func parseFilter(text string) (*bytecode.Filter, error) {
	return bytecode.Parse(text, hostNames())
}

// hostNames looks up the names in filters.
func hostNames() bytecode.Env {
	return bytecode.Env{Service: servicePort, Interface: interfaceIndex, Cgroup: cgroupID}
}

// servicePort looks up services(5).
func servicePort(name string) (uint16, bool) {
	port, err := net.LookupPort("tcp", name)

	return uint16(port), err == nil
}

func interfaceIndex(name string) (uint32, bool) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false
	}

	return uint32(i.Index), true
}

// cgroupID returns the id of a cgroup, which is the inode of its directory.
func cgroupID(name string) (uint64, bool) {
	name = path.Clean("/" + strings.TrimPrefix(name, cgroupRoot))

	info, err := os.Stat(path.Join(cgroupRoot, name))
	if err != nil || !info.IsDir() {
		return 0, false
	}

	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}

	return stat.Ino, true
}

// prepareFilter finds out whether the filter can be evaluated at all, before
// anything else begins. What the kernel has to tell by itself, a recording
// can't; an exporter that can't reach the kernel yet goes on trying.
func (e *exporter) prepareFilter(replay *sampler.Replay) error {
	if e.opts.filterText == "" {
		return nil
	}

	if replay != nil {
		replay.SetKeep(keepBy(e.opts.filter))

		return e.opts.filter.CheckUserSpace()
	}

	source, err := e.dial()
	if err == nil {
		return source.Close()
	}

	if isUsage(err) {
		return err
	}

	return nil
}

// applyFilter has the connection dump what the filter selects, as far as the
// kernel can tell; the rest is dropped after decoding.
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

// selectBy reads a filter for connections that are known already, so the kernel
// can't help.
func selectBy(text string) (func(*sampler.Socket) bool, error) {
	filter, err := parseFilter(text)
	if err == nil {
		err = filter.CheckUserSpace()
	}

	if err != nil {
		return nil, err
	}

	return keepBy(filter.Simplify()), nil
}

// isUsage tells whether an error is about what the user asked for.
func isUsage(err error) bool {
	_, kernelOnly := errors.AsType[*bytecode.KernelOnlyError](err)

	return kernelOnly
}
