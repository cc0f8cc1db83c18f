package netns

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler"
)

// errAnchor means that the anchor of a namespace is gone.
var errAnchor = errors.New("process of the network namespace has ended")

// Sample reports to c which namespaces are gone, and then samples those that are due. It
// samples at least one, and stops once it has used its budget of CPU time; zero means no
// limit. The next call continues where this one stopped. A failure is counted, and affects no
// other namespace. Sample belongs to the sampling goroutine.
func (w *Watcher) Sample(budget time.Duration, c sampler.Consumer) {
	w.announce(c)

	var t tally

	began, all := w.cpu(budget), w.namespaces()

	sampled := false

	for i, n := range inTurn(all, w.last) {
		if sampled && budget > 0 && w.cpu(budget)-began >= budget {
			t.postponed = len(all) - i

			break
		}

		w.last = n.space
		sampled = w.sample(n, c, &t) || sampled
	}

	w.stats.sampled(t)
}

// cpu returns the CPU time of the thread, zero if there is no budget.
func (w *Watcher) cpu(budget time.Duration) time.Duration {
	if budget <= 0 {
		return 0
	}

	return w.cfg.CPU()
}

// announce reports the namespaces that are gone.
func (w *Watcher) announce(c sampler.Consumer) {
	w.mutex.Lock()
	ended := slices.Clone(w.ended)
	w.ended = nil
	w.mutex.Unlock()

	now := time.Now()
	for _, space := range ended {
		c.Gone(space, now)
	}

	w.mutex.Lock()
	w.announced = append(w.announced, ended...)
	w.mutex.Unlock()
}

// sample samples a namespace by the cheapest means: not at all if the kernel counts no
// socket but the listeners known, so that there is no connection; by reading the known
// connections if as many sockets exist as in the last dump; by a dump of all. It reports
// whether there was anything to do.
func (w *Watcher) sample(n *namespace, c sampler.Consumer, t *tally) bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	now := time.Now()

	if n.conn == nil { // it is being replaced
		n.forget(now, c)

		return false
	}

	if !n.due(now, w.cfg.Pace) {
		return false
	}

	inuse, err := readInuse(n.net, w.inbuf[:])

	switch {
	case isGone(err):
		n.fail(errAnchor)

		return true
	case err == nil && n.resting(inuse, now):
		t.skipped++
		n.suspicious = false
		n.done(now)

		return true
	}

	d := dump{namespace: n, Consumer: c, inuse: inuse, revisits: err == nil && n.worthRevisiting(inuse, now)}
	if err := d.take(now); err != nil {
		n.fail(err)

		return true
	}

	t.count(d.walked)
	n.done(now)

	return true
}

// isGone reports whether an error of reading below /proc/PID/net means that the process is
// gone, or is in another network namespace.
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESTALE)
}

// done records a sample. The lock is held.
func (n *namespace) done(now time.Time) {
	n.sampled.Store(now.UnixNano())
	n.forgotten = false
}

// forget reports a namespace as gone that had no source for long. The lock is held.
func (n *namespace) forget(now time.Time, c sampler.Consumer) {
	if !n.forgotten && now.Sub(n.lost) >= forgetAfter {
		n.forgotten = true
		c.Gone(n.space, now)
	}
}
