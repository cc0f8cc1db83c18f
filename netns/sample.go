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

// Sample samples the watched namespaces in rotation, as many as the budget of CPU time
// allows, at least one, zero for all. The next call continues with the others. It reports
// the namespaces that are gone to c first. It belongs to the sampling goroutine. Failures
// are counted, and affect only their namespace.
func (w *Watcher) Sample(budget time.Duration, c sampler.Consumer) {
	w.announce(c)

	var t tally

	began, all := w.cpu(budget), w.namespaces()

	for i, n := range inTurn(all, w.last) {
		if i > 0 && budget > 0 && w.cpu(budget)-began >= budget {
			t.postponed = len(all) - i

			break
		}

		w.last = n.space
		w.sample(n, c, &t)
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
// connections if as many sockets exist as in the last dump; by a dump of all.
func (w *Watcher) sample(n *namespace, c sampler.Consumer, t *tally) {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	if n.conn == nil {
		return // its socket is being replaced
	}

	now := time.Now()
	inuse, err := readInuse(n.net, w.inbuf[:])

	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL):
		n.fail(errAnchor)

		return
	case err == nil && n.resting(inuse, now):
		t.skipped++
		n.sampled.Store(now.UnixNano())

		return
	}

	d := dump{namespace: n, Consumer: c, inuse: inuse, revisits: err == nil && n.worthRevisiting(inuse, now)}
	if err := d.take(now); err != nil {
		n.fail(err)

		return
	}

	t.count(d.walked)
	n.sampled.Store(now.UnixNano())
}
