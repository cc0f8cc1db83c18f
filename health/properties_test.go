package health

import (
	"fmt"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// intervals are those that properties are tried at.
var intervals = []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second}

// pick returns one of a list, as the input says.
func pick[T any](s *source, list []T) T { return list[int(s.Byte())%len(list)] }

// tenths returns a time of up to limit, in tenths of a second.
func (s *source) tenths(limit time.Duration) time.Duration {
	return time.Duration(s.Byte()) * 100 * time.Millisecond % (limit + 100*time.Millisecond)
}

// TestProblemsAreFound holds the problems to what they are said to be, without
// which the properties would prove nothing.
func TestProblemsAreFound(t *testing.T) {
	for _, unhealthy := range problems {
		worst := judge.Healthy

		for _, s := range (story{length: 15 * time.Second, step: func(at time.Duration, c *tcp) {
			switch {
			case at < 4*time.Second && unhealthy.name == "a path that has got slow":
				bulkStep(c, 0)
			case at < 4*time.Second:
				busy(at, c)
			default:
				unhealthy.step(at, c)
			}
		}}).play(t) {
			worst = max(worst, s.Status)
		}

		if worst != unhealthy.worst {
			t.Errorf("%s: %v at worst, want %v", unhealthy.name, worst, unhealthy.worst)
		}
	}
}

// FuzzRecovery plays any problems one after the other that lose nothing, then
// none: the connection is HEALTHY again as soon as was promised, and stays so.
func FuzzRecovery(f *testing.F) {
	var lossless []problem

	for _, unhealthy := range problems {
		if !unhealthy.loses {
			lossless = append(lossless, unhealthy)
		}
	}

	for i := range lossless {
		f.Add([]byte{byte(i), byte(i), 40, byte(i + 1), 25, byte(2 * i), 60}, false)
	}

	f.Add([]byte("7,\x1c\xe0?\xc8JW\x80"), false) // a closed window is probed, then its path dies

	f.Fuzz(func(t *testing.T, input []byte, idle bool) {
		s := &source{diagtest.Figures{Bytes: input}}
		interval := pick(s, intervals)

		var course []phase

		repaired := 2 * time.Second
		for len(s.Bytes) > 1 && len(course) < 12 && repaired < 40*time.Second {
			unhealthy := pick(s, lossless)
			repaired += 100*time.Millisecond + s.tenths(8*time.Second)
			course = append(course, phase{repaired, unhealthy})
		}

		requireRecovery(t, recovery(course, interval, idle).play(t), repaired, interval)
	})
}

// TestRecoveryFromEach plays each problem alone, those that lose something, too.
func TestRecoveryFromEach(t *testing.T) {
	t.Parallel()

	for _, unhealthy := range problems {
		for _, interval := range intervals {
			for _, length := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second, 12 * time.Second} {
				t.Run(fmt.Sprintf("%s/%v/%v", unhealthy.name, interval, length), func(t *testing.T) {
					repaired := 4*time.Second + length
					requireRecovery(t, recovery([]phase{{4 * time.Second, problems[0]}, {repaired, unhealthy}}, interval, false).play(t), repaired, interval)
				})
			}
		}
	}
}

// phase is a part of a story.
type phase struct {
	until time.Duration
	problem
}

// recovery is the story of a connection that has some problems and recovers, to
// be busy or idle.
func recovery(course []phase, interval time.Duration, idle bool) story {
	repaired := 2 * time.Second
	if len(course) > 0 {
		repaired = course[len(course)-1].until
	}

	return story{interval: interval, length: repaired + 20*time.Second + 2*interval, step: func(at time.Duration, c *tcp) {
		switch {
		case at < 2*time.Second || at > repaired && !idle:
			busy(at, c)
		case at == repaired:
			heal(c)
		case at < repaired:
			for _, p := range course {
				if at < p.until {
					p.step(at, c)

					break
				}
			}
		}
	}}
}

// FuzzPhase samples one problem at two phases: where the samples fall moves a
// verdict by an interval at most, and by what lies between two losses.
func FuzzPhase(f *testing.F) {
	for i := range problems {
		f.Add([]byte{byte(i), byte(i), 3, 13})
	}

	f.Add([]byte{4, 3, 8, 0}) // smaller segments in the sample that shows the first full-size ones

	f.Fuzz(func(t *testing.T, input []byte) {
		s := &source{diagtest.Figures{Bytes: input}}
		unhealthy, interval := pick(s, problems), pick(s, intervals)
		phases := [2]time.Duration{s.tenths(interval) % interval, time.Duration(s.Byte()) * storyStep % interval}

		var reached [2][judge.NumStatuses]time.Duration

		for i, phase := range phases {
			for _, s := range (story{interval: interval, phase: phase, length: 16 * time.Second, step: func(at time.Duration, c *tcp) {
				if at < 4*time.Second {
					busy(at, c)
				} else {
					unhealthy.step(at, c)
				}
			}}).play(t) {
				for status := judge.Caution; status <= s.Status; status++ {
					if reached[i][status] == 0 {
						reached[i][status] = s.at
					}
				}
			}
		}

		const tooLate = 14 * time.Second // for the other one to see it

		for status := judge.Suspect; status <= judge.Stale; status++ {
			a, b := reached[0][status], reached[1][status]
			if never := a == 0 || b == 0; never && max(a, b) < tooLate && a != b || !never && max(a-b, b-a) > interval+unhealthy.grain {
				t.Errorf("%s, every %v: %v after %v at phase %v, after %v at phase %v", unhealthy.name, interval, status, a, phases[0], b, phases[1])
			}
		}
	})
}

// FuzzCounters begins with any counters, near their ends too, and resets them:
// none of it raises a flag.
func FuzzCounters(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))

	f.Fuzz(func(t *testing.T, input []byte) {
		s := &source{diagtest.Figures{Bytes: input}}
		interval := pick(s, intervals)
		resetAt := 3*time.Second + s.tenths(10*time.Second)
		resets := s.Byte()&1 != 0
		near := func() uint32 { // zero or all ones, or a little beside
			return uint32(int32(int8(s.Byte()))) + uint32(s.Byte()&1)*(1<<31)
		}
		begin := func(c *tcp) {
			c.Info.TotalRetrans, c.Info.DSACKDups, c.Info.DataSegsOut = near(), near(), near()
			c.Info.Delivered, c.Info.DeliveredCE, c.Info.SegsIn, c.Info.DataSegsIn = near(), near(), near(), near()
			c.Info.BytesSent, c.Info.BytesRetrans, c.Info.BytesAcked = s.Uint64()>>1, s.Uint64()>>1, s.Uint64()>>1
			c.Info.BytesReceived, c.Info.BusyTime = s.Uint64()>>1, s.Uint64()>>1
			c.Info.RwndLimited, c.Info.SndbufLimited = s.Uint64()>>1, s.Uint64()>>1
		}

		for _, s := range (story{interval: interval, step: func(at time.Duration, c *tcp) {
			switch {
			case at == 0:
				begin(c)
			case at == resetAt && resets:
				heal(c)

				sent := c.Info.BytesSent
				begin(c)
				c.Info.BytesSent = 0 // at least one of them has fallen

				if sent == 0 {
					t.Skip("nothing was sent before")
				}
			}

			busy(at, c)
		}}).play(t) {
			if s.Flags != 0 || s.Status != judge.Healthy {
				t.Fatalf("after %v, with a reset %v at %v: %v with %s", s.at, resets, resetAt, s.Status, flagNames(s.Flags))
			}
		}
	})
}

// TestShortInfo plays with tcp_info of any length, as older kernels have it: what
// is missing raises nothing on a healthy connection, and makes no unhealthy one worse.
func TestShortInfo(t *testing.T) {
	t.Parallel()

	for _, unhealthy := range problems {
		worst := func(size int) (status judge.Status, flags judge.Flags) {
			for _, s := range (story{size: size, length: 12 * time.Second, step: func(at time.Duration, c *tcp) {
				if at < 4*time.Second {
					busy(at, c)
				} else {
					unhealthy.step(at, c)
				}
			}}).play(t) {
				status = max(status, s.Status)
				flags |= s.Flags
			}

			return status, flags
		}

		status, flags := worst(sampler.MaxInfoSize)
		for size := 4; size < sampler.MaxInfoSize; size += 4 {
			if short, raised := worst(size); short > status {
				t.Errorf("%s: %v with %d bytes of tcp_info, %v with all\n%s\n%s",
					unhealthy.name, short, size, status, flagNames(raised), flagNames(flags))
			}
		}
	}
}

// TestOlderKernelsLack holds the document to what it says of them: these flags
// need figures that are behind the end of a shorter tcp_info.
func TestOlderKernelsLack(t *testing.T) {
	raised := func(size int) (flags judge.Flags) {
		for _, unhealthy := range problems {
			for _, s := range (story{size: size, length: 15 * time.Second, step: func(at time.Duration, c *tcp) {
				if at < 4*time.Second {
					bulkStep(c, 0)
				} else {
					unhealthy.step(at, c)
				}
			}}).play(t) {
				flags |= s.Flags
			}
		}

		return flags
	}
	queue := judge.FlagSet(judge.QueueGrowing, judge.QueuePersistent, judge.QueueAccelerating, judge.QueueVolatile)

	for _, tc := range []struct {
		kernel string
		size   int // of the last kernel before it
		lacks  judge.Flags
	}{
		{"4.1", 120, judge.FlagSet(judge.RecvQueueStuck)},
		{"4.6", 144, judge.FlagSet(judge.MTUBlackholeSuspect, judge.LossHigh) | queue},
		{"4.10", 168, judge.FlagSet(judge.RecvLimited)},
		{"4.18", 192, judge.FlagSet(judge.JitterHigh) | queue},
	} {
		if got := raised(tc.size); got&tc.lacks != 0 {
			t.Errorf("before Linux %s: %s", tc.kernel, flagNames(got&tc.lacks))
		}

		all := raised(sampler.MaxInfoSize)
		if missing := tc.lacks &^ all &^ judge.FlagSet(judge.QueueAccelerating, judge.QueueVolatile); missing != 0 {
			t.Errorf("never raised, on no kernel: %s", flagNames(missing))
		}
	}
}

// FuzzGap takes no samples for any times: a healthy connection gets no flag, and
// no one is called dead at the first sight after a gap.
func FuzzGap(f *testing.F) {
	for i := range problems {
		f.Add([]byte{byte(i), byte(i), 30, 45, 40})
		f.Add([]byte{byte(i + 1), byte(i), 30, 30, 40, 90, 15})
	}

	f.Fuzz(func(t *testing.T, input []byte) {
		s := &source{diagtest.Figures{Bytes: input}}
		interval, unhealthy := pick(s, intervals), pick(s, problems)
		begins := 3*time.Second + s.tenths(10*time.Second)

		var gaps [][2]time.Duration

		for at := time.Duration(0); len(s.Bytes) > 0; {
			from := at + s.tenths(10*time.Second)
			at = from + s.tenths(20*time.Second)
			gaps = append(gaps, [2]time.Duration{from, at})
		}

		var (
			last time.Duration
			// Where samples come late all the time, none of them is behind a gap.
			lengths [2]time.Duration
		)

		for i, s := range (story{interval: interval, length: 40 * time.Second, step: func(at time.Duration, c *tcp) {
			if at < begins {
				busy(at, c)
			} else {
				unhealthy.step(at, c)
			}
		}, blind: func(at time.Duration) bool {
			for _, gap := range gaps {
				if at >= gap[0] && at < gap[1] {
					return true
				}
			}

			return false
		}}).play(t) {
			length, usual := s.at-last, max(interval, min(lengths[0], lengths[1]))
			last, lengths[0], lengths[1] = s.at, lengths[1], length

			if well := s.at < begins || unhealthy.worst == judge.Healthy; well && (s.Flags&fatalFlags() != 0 || s.Status > judge.Caution) {
				t.Fatalf("well, after %v and %v unseen: %v with %s", s.at, length, s.Status, flagNames(s.Flags))
			}

			if i > 0 && length > gapIntervals*usual && s.Flags&fatalFlags() != 0 {
				t.Fatalf("%s, after %v and %v unseen: %v with %s", unhealthy.name, s.at, length, s.Status, flagNames(s.Flags))
			}
		}
	})
}
