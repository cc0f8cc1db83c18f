package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/health"
)

const (
	// supervisorGrace is how long the sampling goroutine may overstay the pause that
	// it announced before the service manager is no longer told that it lives.
	supervisorGrace = 10 * time.Second
	// statusPeriod is between two lines of status where there is no watchdog.
	statusPeriod = 30 * time.Second
	// keepAlives is how many signs of life are sent in the watchdog's time.
	keepAlives = 3
)

// supervisor tells the service manager how the program is, by sd_notify(3). It does
// nothing where none asked for it.
type supervisor struct {
	logger log.Logger
	latest *latest
	// period is between two signs of life; watched tells whether they are wanted.
	period  time.Duration
	watched bool
	// expected is until when the sampling goroutine is to move again, in ms since
	// latest.started; zero before the first time.
	expected atomic.Int64
}

func newSupervisor(l *latest, logger log.Logger) *supervisor {
	s := &supervisor{logger: logger, latest: l, period: statusPeriod}

	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		_ = level.Warn(logger).Log("msg", "no watchdog", "err", err)
	}

	if limit > 0 {
		s.watched, s.period = true, limit/keepAlives
	}

	return s
}

// run sends signs of life until ctx is done, then tells that this is the end.
func (s *supervisor) run(ctx context.Context) {
	ticker := time.NewTicker(s.period)
	defer ticker.Stop()

	for {
		select {
		case <-ticker.C:
			s.report()
		case <-ctx.Done():
			s.tell(daemon.SdNotifyStopping)

			return
		}
	}
}

// moved takes in that the sampling goroutine is alive and next shows up after a pause.
func (s *supervisor) moved(pause time.Duration) {
	until := time.Since(s.latest.started) + pause + supervisorGrace

	if s.expected.Swap(until.Milliseconds()) == 0 {
		s.tell(daemon.SdNotifyReady + "\n" + s.status())
	}
}

// report sends the status, with a sign of life if the sampling goroutine gives one.
func (s *supervisor) report() {
	state := s.status()
	if s.watched && s.alive() {
		state = daemon.SdNotifyWatchdog + "\n" + state
	}

	s.tell(state)
}

// alive tells whether the sampling goroutine moves. A replay that has been played
// does not have to.
func (s *supervisor) alive() bool {
	return s.latest.replaying || time.Since(s.latest.started).Milliseconds() <= s.expected.Load()
}

// status is the line that systemctl status shows.
func (s *supervisor) status() string {
	sample := s.latest.snapshot.Load()

	switch {
	case sample == nil:
		return "STATUS=no sample yet"
	case !s.latest.healthy():
		return "STATUS=no sample since " + sample.At.UTC().Format(time.RFC3339)
	default:
		return fmt.Sprintf("STATUS=following %d connections, %d %v and %d %v", sample.Tracker.Live,
			sample.Statuses[health.Degraded], health.Degraded, sample.Statuses[health.Stale], health.Stale)
	}
}

// reloading runs a reload between the two notices of it.
func (s *supervisor) reloading(reload func() error) error {
	s.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	defer s.tell(daemon.SdNotifyReady)

	return reload()
}

func (s *supervisor) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		_ = level.Warn(s.logger).Log("msg", "the service manager can't be told", "err", err)
	}
}
