// Package counters reads the kernel's counters of the network namespaces other than the
// exporter's own. It needs no privilege.
package counters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/netns"
)

// Config configures [Run].
type Config struct {
	// Procfs is a mount of procfs, usually /proc.
	Procfs string
	// Interval is the time between two readings.
	Interval time.Duration
	// Max is the maximum number of namespaces that are read: those watched longest.
	Max int
	// Anchors returns the watched namespaces, those watched longest first.
	Anchors func() []netns.Anchor
	// Publish takes the counters of each reading, and the number of namespaces that were left
	// out because of Max. Namespaces that have just ended are missing.
	Publish func(all []Counters, left int)
}

// Counters are those of one network namespace.
type Counters struct {
	netns.Anchor

	Kernel  hostinfo.KernelStats
	Sockets hostinfo.SocketCounts
}

// errMoved means that a process is not in the namespace any more, or is another one.
var errMoved = errors.New("process is in another network namespace")

// Run reads the counters at the interval until ctx is done.
func Run(ctx context.Context, cfg Config) {
	for tick := time.Tick(cfg.Interval); ; {
		cfg.Publish(cfg.read())

		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// read reads the counters of the namespaces, and returns how many it left out.
func (c *Config) read() (all []Counters, left int) {
	anchors := c.Anchors()
	n := min(len(anchors), c.Max)

	for _, a := range anchors[:n] {
		if one, err := c.readOne(a); err == nil {
			all = append(all, one)
		}
	}

	return all, len(anchors) - n
}

// readOne reads the counters of a namespace. The process is the same after reading them.
func (c *Config) readOne(a netns.Anchor) (one Counters, err error) {
	reader, err := hostinfo.NewProcessReader(c.Procfs, a.PID, os.Getpagesize())
	if err != nil {
		return one, err
	}

	one.Anchor = a
	one.Kernel, err = reader.Read()

	if err == nil {
		one.Sockets, err = reader.Sockets()
	}

	if err == nil {
		err = c.check(a)
	}

	return one, err
}

// check returns an error if the process of an anchor is not in its namespace.
func (c *Config) check(a netns.Anchor) error {
	path := filepath.Join(c.Procfs, strconv.Itoa(a.PID), "net/tcp")

	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("check process %d: %w", a.PID, err)
	}

	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Ino != a.Inode {
		return fmt.Errorf("%w: %q", errMoved, path)
	}

	return nil
}
