package api

import (
	"encoding/json"
	"strconv"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// connection is a connection as clients see it.
type connection struct {
	LocalAddress  string      `json:"local_address"`
	LocalPort     json.Number `json:"local_port"`
	RemoteAddress string      `json:"remote_address"`
	RemotePort    json.Number `json:"remote_port"`
	Cookie        string      `json:"cookie"`
	State         string      `json:"state"`
	Idle          bool        `json:"idle"`
	Status        string      `json:"status"`
	StatusSince   string      `json:"status_since"`
	Score         int         `json:"score"`
	Points        int         `json:"points"`
	SafeToSend    bool        `json:"safe_to_send"`
	Flags         []string    `json:"flags"`
	Cause         string      `json:"cause"`
	Reasons       []string    `json:"reasons"`
	FirstSeen     string      `json:"first_seen"`
	Ended         string      `json:"ended,omitempty"`
	Trend         figures     `json:"trend"`
	ReadAt        string      `json:"read_at,omitempty"`
	Socket        *socket     `json:"socket,omitempty"`
	TCPInfo       figures     `json:"tcp_info,omitempty"`
	Samples       []figures   `json:"samples,omitempty"`
}

// socket is what the kernel provides beside tcp_info.
type socket struct {
	SendQueue    uint32 `json:"send_queue_bytes"`
	ReceiveQueue uint32 `json:"receive_queue_bytes"`
	Timer        string `json:"timer"`
	// TimerExpires is in seconds, TimerRetransmits counts timeouts or probes.
	TimerExpires     float64 `json:"timer_expires_seconds"`
	TimerRetransmits uint8   `json:"timer_retransmits"`
	UID              uint32  `json:"uid"`
	Inode            uint32  `json:"inode,omitempty"`
	Congestion       string  `json:"congestion_algorithm,omitempty"`
}

// newConnection renders a connection. kernel determines which fields exist.
func newConnection(f *health.Found, kernel *sampler.TCPInfo) *connection {
	c := &connection{
		LocalAddress:  f.LocalAddress,
		LocalPort:     json.Number(f.LocalPort),
		RemoteAddress: f.RemoteAddress,
		RemotePort:    json.Number(f.RemotePort),
		Cookie:        "0x" + strconv.FormatUint(f.Cookie, 16),
		State:         f.State.String(),
		Idle:          f.Idle,
		Status:        f.Status.String(),
		StatusSince:   timestamp(f.StatusSince),
		Score:         f.Score,
		Points:        f.Points,
		SafeToSend:    f.SafeToSend,
		Flags:         []string{},
		Cause:         f.Cause.String(),
		Reasons:       append([]string{}, f.Reasons...),
		FirstSeen:     timestamp(f.FirstSeen),
		Trend:         newTrend(&f.Trend),
	}

	for flag := range f.Flags.All() {
		c.Flags = append(c.Flags, flag.String())
	}

	if !f.Ended.IsZero() {
		c.Ended = timestamp(f.Ended)
	}

	if !f.RowAt.IsZero() {
		c.ReadAt, c.Socket, c.TCPInfo = timestamp(f.RowAt), newSocket(&f.Row), newTCPInfo(&f.Row.Info)
	}

	for i := range f.Window {
		c.Samples = append(c.Samples, newSample(&f.Window[i], kernel))
	}

	return c
}

func newSocket(row *sampler.Socket) *socket {
	return &socket{
		SendQueue:        row.SendQueue,
		ReceiveQueue:     row.RecvQueue,
		Timer:            row.Timer.String(),
		TimerExpires:     float64(row.Expires) / 1e3,
		TimerRetransmits: row.TimerRetrans,
		UID:              row.UID,
		Inode:            row.Inode,
		Congestion:       row.CongestionName(),
	}
}

// newSample renders a sample under the names that its figures have elsewhere.
func newSample(s *health.Sample, kernel *sampler.TCPInfo) figures {
	const usPerMS = 1000

	f := make(figures, 0, 512)
	f.time("at", s.At)
	f.count("send_queue_bytes", uint64(s.SendQueue))
	f.count("receive_queue_bytes", uint64(s.RecvQueue))

	for _, figure := range []struct {
		field sampler.Field
		value uint64
	}{
		{sampler.FieldNotsentBytes, uint64(s.Notsent)},
		{sampler.FieldBytesSent, s.BytesSent},
		{sampler.FieldBytesRetrans, s.BytesRetrans},
		{sampler.FieldDataSegsOut, uint64(s.DataSegsOut)},
		{sampler.FieldTotalRetrans, uint64(s.TotalRetrans)},
		{sampler.FieldDSACKDups, uint64(s.DSACKDups)},
		{sampler.FieldDelivered, uint64(s.Delivered)},
		{sampler.FieldDeliveredCE, uint64(s.DeliveredCE)},
		{sampler.FieldSndCwnd, uint64(s.Cwnd)},
		{sampler.FieldBusyTime, uint64(s.Busy) * usPerMS},
		{sampler.FieldRwndLimited, uint64(s.ReceiverLimited) * usPerMS},
		{sampler.FieldSndbufLimited, uint64(s.SndbufLimited) * usPerMS},
	} {
		if kernel.Has(figure.field) {
			f.field(figure.field, figure.value)
		}
	}

	return f
}
