package collector_test

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// sampledAt is when all scenes play.
var sampledAt = time.Date(2026, time.November, 22, 12, 0, 0, 123_000_000, time.UTC)

// fullInfo has another figure in every field, so that no two can be mixed up.
var fullInfo = diagtest.TCPInfo{
	CAState: 3, Retransmits: 2, Probes: 4, Backoff: 5, Options: 0xff,
	Wscale: 9<<4 | 7, Flags: 1 | 3<<1,
	RTO: 204_000, ATO: 40_000, SndMSS: 1448, RcvMSS: 536,
	Unacked: 10, Sacked: 11, Lost: 12, Retrans: 13,
	LastDataSent: 101, LastDataRecv: 102, LastAckRecv: 103,
	PMTU: 1500, RcvSsthresh: 65_483, RTT: 12_345, RTTVar: 678, SndSsthresh: 21, SndCwnd: 42,
	AdvMSS: 1460, Reordering: 6, RcvRTT: 9876, RcvSpace: 14_600, TotalRetrans: 17,
	PacingRate: 1_000_001, MaxPacingRate: 2_000_002, BytesAcked: 300_003, BytesReceived: 400_004,
	SegsOut: 501, SegsIn: 502, NotsentBytes: 5003, MinRTT: 11_111,
	DataSegsIn: 503, DataSegsOut: 504,
	DeliveryRate: 3_000_003, BusyTime: 6_000_000, RwndLimited: 2_500_000, SndbufLimited: 1_250_000,
	Delivered: 505, DeliveredCE: 506,
	BytesSent: 1 << 40, BytesRetrans: 24_616,
	DSACKDups: 507, ReordSeen: 508, RcvOOOPack: 509, SndWnd: 70_007, RcvWnd: 80_008, Rehash: 510,
	TotalRTO: 31, TotalRTORecoveries: 29, TotalRTOTime: 4500, ReceivedCE: 511,
	DeliveredE1Bytes: 601, DeliveredE0Bytes: 602, DeliveredCEBytes: 603,
	ReceivedE1Bytes: 604, ReceivedE0Bytes: 605, ReceivedCEBytes: 606, AccECNed: 9<<4 | 2<<2,
}

// socket returns what the sampler makes of the row.
func socket(tb testing.TB, r diagtest.Row) sampler.Socket {
	tb.Helper()

	return diagtest.Decode(tb, r)[0]
}

// plainRow has the figures that every kernel provides.
func plainRow(local, remote string, cookie uint64) diagtest.Row {
	return diagtest.Row{
		State: sampler.StateEstablished, Cookie: cookie,
		Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote),
		Info:     diagtest.TCPInfo{RTT: 1000, RTTVar: 500, RTO: 201_000, SndCwnd: 10, SndMSS: 1448},
		InfoSize: 104,
	}
}

// plainConnection is healthy, too, but has fewer series.
func plainConnection(tb testing.TB) health.Connection {
	tb.Helper()

	c := healthyConnection(tb)
	c.Row = socket(tb, plainRow("10.0.0.1:443", "10.0.0.9:51555", 0x1a2b))

	return c
}

// calm is a trend in which nothing happens.
func calm() judge.Trend {
	return judge.Trend{
		Samples: 11, Span: 10, RTTDrift: 1, Jitter: 0.055, RTOInflation: 1, Loss: 0, ReceiverLimited: 0, SndbufLimited: 0,
	}
}

// unknown is a trend without any figure.
func unknown() judge.Trend {
	nan := math.NaN()

	return judge.Trend{
		Samples: 1, RTTDrift: nan, Jitter: nan, RTOInflation: nan, Loss: nan, ReceiverLimited: nan, SndbufLimited: nan,
	}
}

func identity(local, localPort, remote, remotePort string) export.Identity {
	return export.Identity{LocalAddress: local, LocalPort: localPort, RemoteAddress: remote, RemotePort: remotePort}
}

// scenes are snapshots made by hand, by the name of their golden file.
func scenes() map[string]func(testing.TB) *health.Snapshot {
	return map[string]func(testing.TB) *health.Snapshot{
		"nothing_yet": func(testing.TB) *health.Snapshot { return nil },
		"empty":       func(testing.TB) *health.Snapshot { return &health.Snapshot{At: sampledAt} },
		"healthy":     healthyScene,
		"flags":       flagsScene,
		"ended":       endedScene,
		"old_kernel":  oldKernelScene,
		"zone":        zoneScene,
		"listeners":   listenersScene,
		"groups":      groupsScene,
	}
}

// healthyConnection has all that the kernel can provide.
func healthyConnection(tb testing.TB) health.Connection {
	tb.Helper()

	return health.Connection{
		Identity: identity("10.0.0.1", "443", "10.0.0.9", "51555"),
		Cookie:   0x1a2b,
		Row: socket(tb, diagtest.Row{
			State: sampler.StateEstablished, Timer: sampler.TimerKeepalive, TimerRetrans: 1, Expires: 7200,
			Local: netip.MustParseAddrPort("10.0.0.1:443"), Remote: netip.MustParseAddrPort("10.0.0.9:51555"),
			Cookie: 0x1a2b, RecvQueue: 700, SendQueue: 900, UID: 33, Inode: 23_563,
			Info: fullInfo,
			Attributes: []diagtest.Attribute{
				diagtest.Congestion("cubic"), diagtest.Shutdown(2), diagtest.Cgroup(ownedCgroup),
				diagtest.Memory(21, 131_072, 22, 87_040, 23, 24, 25, 26, 27),
			},
		}),
		Status: judge.Healthy, StatusSince: sampledAt.Add(-time.Hour), Score: 100, SafeToSend: true, Idle: true,
		Trend: calm(), FirstSeen: sampledAt.Add(-2 * time.Hour),
	}
}

func healthyScene(tb testing.TB) *health.Snapshot {
	tb.Helper()

	s := &health.Snapshot{
		At: sampledAt, Sockets: 1, Idle: 1,
		Tracker:     health.TrackerStats{Live: 1, Opened: 1, Bytes: 1 << 20},
		Connections: []health.Connection{healthyConnection(tb)},
	}
	s.States[sampler.StateEstablished] = 1
	s.Statuses[judge.Healthy] = 1

	return s
}

// flagsScene has a connection with many flags, a connecting one without any
// window, and one connection for each algorithm with details.
func flagsScene(tb testing.TB) *health.Snapshot {
	tb.Helper()

	stale := plainConnection(tb)
	stale.Identity = identity("10.0.0.1", "443", "192.0.2.7", "40000")
	stale.Status, stale.Score, stale.Points = judge.Stale, 10, 9
	stale.SafeToSend, stale.Idle = false, false
	stale.Flags = 1<<judge.HalfOpenConfirmed | 1<<judge.LossDetected | 1<<judge.RecvQueueStuck
	stale.Cause = judge.CausePathDead
	stale.Trend = judge.Trend{
		Samples: 11, Span: 9.5,
		Send: judge.QueueTrend{
			Velocity: 1000.5, Acceleration: -20.25, Stddev: 300.125, ShortAverage: 5000, LongAverage: 4000,
			Growing: true, Persistence: 7.5,
		},
		Recv: judge.QueueTrend{
			Velocity: -2000.5, Acceleration: 40.5, Stddev: 150.5, ShortAverage: 100, LongAverage: 900,
			Shrinking: true, Persistence: 3.25,
		},
		RTTDrift: 3.5, Jitter: 0.75, RTOInflation: 4, Loss: 0.125, ReceiverLimited: 0.5, SndbufLimited: 0.25,
	}

	dying := connecting(tb)
	dying.AbortsIn, dying.AbortKnown = 59.25, true

	s := &health.Snapshot{
		At: sampledAt, Sockets: 7, Unexported: 3,
		Tracker: health.TrackerStats{
			Live: 8, Ended: 2, Untracked: 5, Twins: 6, Opened: 71, Closed: 72, Overflow: 73, Duplicates: 74, Bytes: 75 << 20,
		},
		Connections: []health.Connection{stale, dying, leaked(tb), withBBR(tb), withVegas(tb), withDCTCP(tb)},
	}
	s.States = [sampler.NumStates]int{
		sampler.StateEstablished: 4, sampler.StateSynSent: 1, sampler.StateListen: 2,
		sampler.StateSynRecv: 9, // not asked for, so an oddity that is worth a series
	}
	s.Statuses = [judge.NumStatuses]int{1, 2, 3, 4, 5}

	for c := range group.NumCounters {
		s.Totals.Counters[c] = 1_000_000 * (1 + uint64(c))
	}

	s.Totals.Known, s.Totals.EdgeKnown = 1<<group.NumCounters-1, true
	s.Totals.StatusEntries = [judge.NumStatuses]uint64{21, 22, 23, 24, 25}
	s.GroupsFolded = 26

	for f := range judge.NumFlags {
		s.FlagCounts[f] = 10 + int(f)
		s.FlagEvents[f] = 1000 + uint64(f)
	}

	return s
}

// connecting is a handshake that is not answered: there is no RTT, no
// threshold, no pacing rate yet.
func connecting(tb testing.TB) health.Connection {
	tb.Helper()

	return health.Connection{
		Identity: identity("10.0.0.1", "50001", "198.51.100.1", "81"),
		Row: socket(tb, diagtest.Row{
			State: sampler.StateSynSent, Timer: sampler.TimerRetransmit, TimerRetrans: 3, Expires: 4000,
			Local: netip.MustParseAddrPort("10.0.0.1:50001"), Remote: netip.MustParseAddrPort("198.51.100.1:81"),
			Cookie: 2, SendQueue: 1,
			Info: diagtest.TCPInfo{
				CAState: 4, Retransmits: 3, Backoff: 3, RTO: 8_000_000, SndMSS: 524, Unacked: 1, Lost: 1, Retrans: 1,
				LastDataSent: 77_777, LastDataRecv: 77_777, LastAckRecv: 77_777, RTTVar: 250_000, SndSsthresh: math.MaxInt32,
				SndCwnd: 1, MinRTT: math.MaxUint32, PacingRate: math.MaxUint64, MaxPacingRate: math.MaxUint64, TotalRetrans: 3,
			},
		}),
		Status: judge.Stale, StatusSince: sampledAt.Add(-time.Second), Score: 30, Points: 7,
		Flags: 1 << judge.SynUnanswered, Cause: judge.CauseHandshake,
		Trend: unknown(), FirstSeen: sampledAt.Add(-7 * time.Second),
	}
}

// leaked was closed by its peer an hour ago, but not by the application.
func leaked(tb testing.TB) health.Connection {
	tb.Helper()

	r := plainRow("10.0.0.1:443", "10.0.0.9:51557", 4)
	r.State = sampler.StateCloseWait

	c := plainConnection(tb)
	c.Identity, c.Row = identity("10.0.0.1", "443", "10.0.0.9", "51557"), socket(tb, r)
	c.Status, c.Score, c.Points = judge.Caution, 80, 2
	c.Flags, c.Cause, c.CloseWait = 1<<judge.CloseWaitStuck, judge.CauseLocalApplication, 3600.5

	return c
}

// withAlgorithm is a connection with details of its congestion control.
func withAlgorithm(tb testing.TB, name string, details diagtest.Attribute, remote string) health.Connection {
	tb.Helper()

	host, port, _ := strings.Cut(strings.TrimPrefix(remote, "["), "]:")

	r := plainRow("[2001:db8::1]:9000", remote, 3)
	r.UID = 1000
	r.Attributes = []diagtest.Attribute{diagtest.Congestion(name), details}

	return health.Connection{
		Identity: identity("2001:db8::1", "9000", host, port), Row: socket(tb, r),
		Status: judge.Caution, StatusSince: sampledAt, Score: 90, Points: 1, Flags: 1 << judge.JitterHigh,
		Cause: judge.CausePathDelay, SafeToSend: true, Trend: calm(), FirstSeen: sampledAt.Add(-time.Minute),
	}
}

func withBBR(tb testing.TB) health.Connection {
	tb.Helper()

	return withAlgorithm(tb, "bbr", diagtest.BBR([5]uint32{0x1000, 0x2, 2500, 739, 512}), "[2001:db8::9]:1001")
}

func withVegas(tb testing.TB) health.Connection {
	tb.Helper()

	return withAlgorithm(tb, "vegas", diagtest.Vegas([4]uint32{1, 3, 4500, 3500}), "[2001:db8::9]:1002")
}

func withDCTCP(tb testing.TB) health.Connection {
	tb.Helper()

	return withAlgorithm(tb, "dctcp", diagtest.DCTCP([4]uint32{1, 512, 5500, 6500}), "[2001:db8::9]:1003")
}

// endedScene has one connection that lives and one that is only remembered.
func endedScene(tb testing.TB) *health.Snapshot {
	tb.Helper()

	ended := plainConnection(tb)
	ended.Identity = identity("10.0.0.1", "443", "10.0.0.10", "51556")
	ended.Ended, ended.EndReason = sampledAt.Add(-30*time.Second), health.EndReset

	s := healthyScene(tb)
	s.Connections = []health.Connection{plainConnection(tb), ended}
	s.Tracker.Ended, s.Tracker.Closed = 1, 1

	return s
}

// oldKernelScene has what Linux 2.6, 4.9 and 4.15 provide, and a socket without tcp_info.
func oldKernelScene(tb testing.TB) *health.Snapshot {
	tb.Helper()

	s := &health.Snapshot{At: sampledAt, Sockets: 4, Tracker: health.TrackerStats{Live: 4}}
	noDrops := diagtest.Memory(21, 131_072, 22, 87_040, 23, 24, 25, 26)

	for i, r := range []diagtest.Row{
		{InfoSize: 104},
		{InfoSize: 192, Attributes: []diagtest.Attribute{diagtest.Congestion("reno"), noDrops}},
		{InfoSize: 224, Attributes: []diagtest.Attribute{diagtest.Congestion("cubic")}},
		{InfoSize: diagtest.NoInfo},
	} {
		port := string(rune('1' + i))
		r.State, r.Cookie, r.Info = sampler.StateEstablished, uint64(i+1), fullInfo
		r.Local, r.Remote = netip.MustParseAddrPort("10.0.0.1:443"), netip.MustParseAddrPort("10.0.0.9:"+port)

		c := healthyConnection(tb)
		c.Identity = identity("10.0.0.1", "443", "10.0.0.9", port)
		c.Trend = unknown()
		c.Row = socket(tb, r)
		s.Connections = append(s.Connections, c)
	}

	return s
}

// zoneScene has two connections that only the zone of their addresses keeps
// apart, and one of a socket for both families.
func zoneScene(tb testing.TB) *health.Snapshot {
	tb.Helper()

	s := &health.Snapshot{At: sampledAt, Sockets: 3, Tracker: health.TrackerStats{Live: 3}}

	for i, zone := range []string{"eth0", "7"} {
		r := plainRow("[fe80::1]:22", "[fe80::2]:50000", uint64(i+1))
		r.Ifindex = uint32(6 + i)

		c := plainConnection(tb)
		c.Identity = identity("fe80::1%"+zone, "22", "fe80::2%"+zone, "50000")
		c.Row = socket(tb, r)
		s.Connections = append(s.Connections, c)
	}

	r := plainRow("[::ffff:10.0.0.1]:443", "[::ffff:10.0.0.9]:51555", 3)
	r.State, r.InfoSize = sampler.StateCloseWait, diagtest.NoInfo

	mapped := plainConnection(tb)
	mapped.Row = socket(tb, r)
	s.Connections = append(s.Connections, mapped)

	return s
}

// listenersScene has the wildcards of both families, a queue that is over its limit, and one
// whose limit is unknown.
func listenersScene(testing.TB) *health.Snapshot {
	s := &health.Snapshot{
		At: sampledAt, Sockets: 4,
		Listeners: []health.Listener{
			{LocalAddress: "0.0.0.0", LocalPort: "80", AcceptQueue: 1, Limit: 4096, Max: 17},
			{LocalAddress: "::", LocalPort: "80", Limit: 4096},
			{LocalAddress: "127.0.0.1", LocalPort: "5432", AcceptQueue: 129, Limit: 128, Max: 129},
			{LocalAddress: "127.0.0.1", LocalPort: "9090", AcceptQueue: 2, Limit: health.LimitUnknown, Max: 3},
		},
	}
	s.States[sampler.StateListen] = 5

	return s
}
