package field

import (
	"errors"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/lab"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// fault is what becomes of the path or the servers of a row.
type fault struct {
	name string
	dig  func(w *world)
	// affects reports whether anything is affected by now.
	affects func(w *world) bool
}

var (
	bothWays   = &fault{"path dies both ways", func(w *world) { w.change(blackhole, netlab.AToB, netlab.BToA) }, (*world).dropsData}
	forward    = &fault{"path dies forward", func(w *world) { w.change(blackhole, netlab.AToB) }, (*world).dropsData}
	returnOnly = &fault{"path dies in return", func(w *world) { w.change(blackhole, netlab.BToA) }, (*world).dropsData}
	mtuHole    = &fault{"MTU hole of 1400 bytes", func(w *world) {
		w.change(func(c *netlab.Conditions) { c.MTUHole = 1400 }, netlab.AToB, netlab.BToA)
	}, (*world).dropsData}
	silentHost = &fault{"server's host silent", (*world).unplug, (*world).dropsData}
	stopped    = &fault{"servers stopped (SIGSTOP)", func(w *world) { signalAll(w.far, unix.SIGSTOP) }, (*world).windowClosed}
	// unread is stopped for clients that send little: their requests fit into the receive buffer.
	unread = &fault{"servers stopped (SIGSTOP), requests fit the buffer", func(w *world) { signalAll(w.far, unix.SIGSTOP) }, nil}
)

func blackhole(c *netlab.Conditions) { c.Blackhole = true }

func (w *world) dropsData() bool { return w.dropped() > 0 }

// unplug sets the interface of the servers down.
func (w *world) unplug() {
	err := w.far.DoErr(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		dev, err := h.LinkByName(w.end.Name)
		return errors.Join(err, h.LinkSetDown(dev))
	})
	if err != nil {
		w.t.Errorf("set %s down: %v", w.end.Name, err)
	}
}

// windowClosed reports whether the receive window of a server is closed for a client with unsent data.
func (w *world) windowClosed() (closed bool) {
	eye, err := sampler.Dial(sampler.Config{NetNS: w.near.FD()})
	if err != nil {
		w.t.Error(err)
		return false
	}
	defer eye.Close()
	_, err = eye.Dump(func(_ time.Time, rows []sampler.Socket) {
		for i := range rows {
			info := &rows[i].Info
			closed = closed || rows[i].State == sampler.StateEstablished && info.SndWnd() == 0 && info.NotsentBytes() > 0
		}
	})
	if err != nil {
		w.t.Error(err)
	}
	return closed
}

// fail makes the fault of a row and returns its times.
func (w *world) fail(f *fault, length time.Duration) (m lab.Marks) {
	m.Fault = time.Now()
	f.dig(w)
	m.Seen = m.Fault
	const patience = 40 * time.Second
	for deadline := m.Fault.Add(patience); f.affects != nil && !f.affects(w); time.Sleep(5 * ms) {
		if time.Now().After(deadline) {
			w.t.Errorf("%s: nothing is affected", f.name)
			break
		}
		m.Seen = time.Now()
	}
	time.Sleep(time.Until(m.Seen.Add(length)))
	m.Repaired = time.Now()
	return m
}
