package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// rows collects what was sampled of the connection of a fixture. It is a consumer of its recording.
type rows struct {
	port uint16
	all  []sampler.Socket
}

func (r *rows) Sockets(_ time.Time, sockets []sampler.Socket) {
	for _, s := range sockets {
		if s.Local.Port == r.port && s.State != sampler.StateListen {
			r.all = append(r.all, s)
		}
	}
}

func (r *rows) Begin(sampler.Space)                   {}
func (r *rows) End(sampler.Dump)                      {}
func (r *rows) Abort()                                {}
func (r *rows) Suspicious() []sampler.Target          { return nil }
func (r *rows) Rechecked(time.Time, []sampler.Socket) {}
func (r *rows) Settle(time.Time)                      {}
func (r *rows) Known() []sampler.Target               { return nil }
func (r *rows) Gone(sampler.Space, time.Time)         {}
func (r *rows) Publish(time.Time)                     {}

// rowsOf returns the samples of a healthy scenario at the default interval.
func rowsOf(t *testing.T, scenario string) []sampler.Socket {
	t.Helper()
	for _, f := range fixtures(t, "6.18") {
		if f.Scenario != scenario || f.Interval != time.Second {
			continue
		}
		replay, err := sampler.NewReplay(bytes.NewReader(f.Tape))
		if err != nil {
			t.Fatal(err)
		}
		r := &rows{port: f.Port}
		if err := loop.Play(context.Background(), replay, r, Deaf{}, nil); err != nil {
			t.Fatal(err)
		}
		if len(r.all) < 30 {
			t.Fatalf("only %d samples of %q", len(r.all), scenario)
		}
		return r.all
	}
	t.Fatalf("no fixture of %q", scenario)
	return nil
}

// inhabitant is a connection of a population. It lives through its rows from some phase on; when it has come to their
// end, another one takes its place.
type inhabitant struct {
	rows  []sampler.Socket
	phase int
}

func (p *inhabitant) at(tick, number int) sampler.Socket {
	age := tick + p.phase
	row, life := p.rows[age%len(p.rows)], age/len(p.rows)
	row.Cookie = uint64(life)<<32 | uint64(number) + 1
	row.Local.Port, row.Remote.Port = uint16(10_000+number), uint16(life+1)
	return row
}

// requireNoAlarm fails if anything worse than CAUTION was said, or a flag of death was raised.
func requireNoAlarm(t *testing.T, s *health.Snapshot, tick int) {
	t.Helper()
	if n := s.Statuses[judge.Suspect] + s.Statuses[judge.Degraded] + s.Statuses[judge.Stale]; n > 0 {
		t.Fatalf("in tick %d: %v", tick, s.Statuses)
	}
	for f, n := range s.FlagEvents {
		if f := judge.Flag(f); f.Cause().Fatal() && n > 0 {
			t.Fatalf("in tick %d: %v was raised", tick, f)
		}
	}
}

// TestPopulation watches a mixed healthy population for two hours: idle pools, requests and responses with pauses
// between, transfers, long polls, each from the lab and shifted in time.
func TestPopulation(t *testing.T) {
	const size, ticks = 200, 2 * 60 * 60
	kinds := [][]sampler.Socket{}
	for _, scenario := range []string{
		"idle on a LAN", "idle, keepalive each second", "request/response 10 Hz, LAN", "request/response 10 Hz, 120 ms",
		"request/response 1 Hz, one segment lost", "request/response 10 Hz, 20 ms, IPv6", "replies of mixed speed",
		"long poll, answer after 6 s", "receive-only push", "bulk up, 20 Mbit/s, 40 ms, queue of one BDP, cubic",
		"bulk up, 20 Mbit/s, 40 ms, queue of one BDP, bbr", "bulk down, bursty reader", "cubic resumes after 4 s",
	} {
		kinds = append(kinds, rowsOf(t, scenario))
	}
	chance := rand.New(rand.NewPCG(1, 2))
	var population [size]inhabitant
	for i := range population {
		population[i] = inhabitant{rows: kinds[i%len(kinds)], phase: chance.IntN(1000)}
	}
	var last *health.Snapshot
	tracker := newTracker(time.Second, nil, func(s *health.Snapshot) { last = s })
	now, sockets := time.Date(2026, time.November, 25, 0, 0, 0, 0, time.UTC), make([]sampler.Socket, size)
	for tick := range ticks {
		for i := range population {
			sockets[i] = population[i].at(tick, i)
		}
		tracker.Begin(0)
		tracker.Sockets(now, sockets)
		tracker.End(sampler.Dump{Start: now, End: now, Sockets: size})
		tracker.Publish(now)
		requireNoAlarm(t, last, tick)
		now = now.Add(time.Second)
	}
	if last.Tracker.Live < size {
		t.Errorf("only %d connections were followed", last.Tracker.Live)
	}
	t.Logf("%d connections lived and ended; at the end %v", last.Tracker.Closed, last.Statuses)
}

// TestIdlePool watches ten thousand idle connections.
func TestIdlePool(t *testing.T) {
	const size, ticks = 10_000, 120
	var last *health.Snapshot
	tracker := newTracker(time.Second, nil, func(s *health.Snapshot) { last = s })
	recording := diagtest.NewRecording(t)
	now := time.Date(2026, time.November, 25, 0, 0, 0, 0, time.UTC)
	pool := make([]diagtest.Row, size)
	for tick := range ticks {
		for i := range pool {
			pool[i] = idleRow(uint32(i), uint32(tick))
		}
		tracker.Begin(0)
		tracker.End(recording.Dump(t, now, pool, tracker.Sockets))
		tracker.Publish(now)
		requireNoAlarm(t, last, tick)
		now = now.Add(time.Second)
	}
	if last.Statuses[judge.Healthy] != size {
		t.Errorf("at the end %v", last.Statuses)
	}
}

// idleRow is a connection that has been idle for some time, another one for each number.
func idleRow(number, seconds uint32) diagtest.Row {
	var remote [4]byte
	binary.BigEndian.PutUint32(remote[:], 10<<24|number)
	quiet := 1000 * (seconds + number%4000)
	return diagtest.Row{
		State:  sampler.StateEstablished,
		Local:  netip.MustParseAddrPort("192.0.2.1:443"),
		Remote: netip.AddrPortFrom(netip.AddrFrom4(remote), 40_000),
		Cookie: uint64(number) + 1,
		Info: diagtest.TCPInfo{
			RTO: 220_000, SndMSS: 1448, RcvMSS: 1448, RTT: 20_000 + number, RTTVar: 10_000, MinRTT: 19_000, SndCwnd: 10,
			SndSsthresh: 0x7fffffff, SndWnd: 64_000, RcvWnd: 64_000, BytesAcked: 301, BytesReceived: 300, Delivered: 2,
			LastDataSent: quiet, LastDataRecv: quiet, LastAckRecv: quiet,
		},
	}
}
