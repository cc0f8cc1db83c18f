package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/health/judge"
)

const (
	// supervisorGrace is how long the sampling goroutine may overstay the pause that
	// it announced before keep-alives to the service manager stop.
	supervisorGrace = 10 * time.Second
	// statusPeriod is the time between two status lines without a watchdog.
	statusPeriod = 30 * time.Second
	// keepAlives is the number of keep-alives per watchdog period.
	keepAlives = 3
	// minPeriod is the minimum time between two notifications.
	minPeriod = 100 * time.Millisecond
	// maxNotifications is the maximum number of queued notifications.
	maxNotifications = 16
)

// supervisor notifies the service manager of the program's state with sd_notify(3). It
// does nothing without a service manager. Notifications are sent in the background; only
// the shutdown waits for them, for at most shutdownLimit.
type supervisor struct {
	logger log.Logger
	latest *latest
	// period is the time between two notifications; watched: keep-alives are wanted.
	period  time.Duration
	watched bool
	// expected is the deadline of the sampling goroutine's next sign of life, in ms since
	// latest.started; zero before the first one.
	expected atomic.Int64
	// notifications is the queue. When ending is closed, send empties it and closes sent.
	notifications chan string
	ending, sent  chan struct{}
}

func newSupervisor(l *latest, logger log.Logger) *supervisor {
	s := &supervisor{
		logger: logger, latest: l, period: statusPeriod,
		notifications: make(chan string, maxNotifications), ending: make(chan struct{}), sent: make(chan struct{}),
	}

	go s.send()

	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		_ = level.Warn(logger).Log("msg", "reading the watchdog settings failed", "err", err)
	}

	if limit > 0 && limit < minPeriod {
		_ = level.Warn(logger).Log("msg", "watchdog period too short, keep-alives will be late", "period", limit, "minimum", minPeriod)
	}

	if limit > 0 {
		s.watched, s.period = true, max(limit/keepAlives, minPeriod)
	}

	return s
}

// run notifies until ctx is done, then announces the end.
func (s *supervisor) run(ctx context.Context) {
	ticker := time.NewTicker(s.period)
	defer ticker.Stop()

	for {
		select {
		case <-ticker.C:
			s.report()
		case <-ctx.Done():
			s.notify(daemon.SdNotifyStopping)
			close(s.ending)
			<-s.sent

			return
		}
	}
}

// moved records that the sampling goroutine is alive and pauses for some time.
func (s *supervisor) moved(pause time.Duration) {
	until := time.Since(s.latest.started) + pause + supervisorGrace

	if s.expected.Swap(until.Milliseconds()) == 0 {
		s.notify(daemon.SdNotifyReady + "\n" + s.status())
	}
}

// report sends the status, with a keep-alive if the sampling goroutine is alive.
func (s *supervisor) report() {
	state := s.status()
	if s.watched && s.alive() {
		state = daemon.SdNotifyWatchdog + "\n" + state
	}

	s.notify(state)
}

// alive reports whether the sampling goroutine is on time. A replay that has ended need
// not be.
func (s *supervisor) alive() bool {
	return s.latest.replaying || time.Since(s.latest.started).Milliseconds() <= s.expected.Load()
}

// status returns the line for systemctl status.
func (s *supervisor) status() string {
	sample := s.latest.snapshot.Load()

	switch {
	case sample == nil || sample.At.IsZero():
		return "STATUS=no sample yet"
	case !s.latest.healthy():
		return "STATUS=no sample since " + sample.At.UTC().Format(time.RFC3339)
	default:
		return fmt.Sprintf("STATUS=tracking %d connections, %d %v and %d %v", sample.Tracker.Live,
			sample.Statuses[judge.Degraded], judge.Degraded, sample.Statuses[judge.Stale], judge.Stale)
	}
}

// reloading runs a reload between its two notifications.
func (s *supervisor) reloading(reload func() error) error {
	s.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	defer s.notify(daemon.SdNotifyReady)

	return reload()
}

// notify queues a notification. If the queue is full because the service manager does not
// read, it drops the oldest one: the end of a reload must not be lost.
func (s *supervisor) notify(state string) {
	for {
		select {
		case s.notifications <- state:
			return
		default:
		}

		select {
		case <-s.notifications:
			_ = level.Warn(s.logger).Log("msg", "systemd notification dropped, the queue is full")
		default:
		}
	}
}

// send sends queued notifications until the end.
func (s *supervisor) send() {
	defer close(s.sent)

	for ended := false; !ended || len(s.notifications) > 0; {
		select {
		case state := <-s.notifications:
			if _, err := daemon.SdNotify(false, state); err != nil {
				_ = level.Warn(s.logger).Log("msg", "systemd notification failed", "err", err)
			}
		case <-s.ending:
			ended = true
		}
	}
}
