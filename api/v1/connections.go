package v1

import (
	"encoding/json"
	"time"
)

// Timestamp renders a time as the API does: RFC 3339, in UTC with milliseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// Connections is the answer to GET /api/v1/connections.
type Connections struct {
	// SampledAt is when the newest sample behind the answer was complete.
	SampledAt string `json:"sampled_at"`
	// Total counts the selected connections. Truncated reports whether the limit left
	// some of them out.
	Total     int  `json:"total"`
	Truncated bool `json:"truncated"`
	// Connections are the worst of them, the worst first.
	Connections []Connection `json:"connections"`
}

// Connection is one connection. Verdict fields are those of the last sample.
type Connection struct {
	LocalAddress  string      `json:"local_address"`
	LocalPort     json.Number `json:"local_port"`
	RemoteAddress string      `json:"remote_address"`
	RemotePort    json.Number `json:"remote_port"`
	// Cookie identifies the socket (uapi/linux/inet_diag.h: idiag_cookie), hexadecimal.
	Cookie string `json:"cookie"`
	// State is the TCP state, such as ESTABLISHED.
	State string `json:"state"`
	Idle  bool   `json:"idle"`
	// Status is HEALTHY, CAUTION, SUSPECT, DEGRADED or STALE; StatusSince is the time of
	// the last change.
	Status      string `json:"status"`
	StatusSince string `json:"status_since"`
	// Score is 0 to 100, where 100 is perfect; Points are 0 and up.
	Score      int  `json:"score"`
	Points     int  `json:"points"`
	SafeToSend bool `json:"safe_to_send"`
	// Flags are the active ones, Reasons has a sentence for each of them.
	Flags   []string `json:"flags"`
	Cause   string   `json:"cause"`
	Reasons []string `json:"reasons"`
	// FirstSeen and Ended are the times of the first and the last sample; Ended is empty
	// while the connection is alive.
	FirstSeen string `json:"first_seen"`
	Ended     string `json:"ended,omitempty"`
	// Trend has the figures of the window, named like the metrics.
	Trend Figures `json:"trend"`
	// ReadAt is when Socket and TCPInfo were read, empty if they were not.
	ReadAt string  `json:"read_at,omitempty"`
	Socket *Socket `json:"socket,omitempty"`
	// TCPInfo has the fields of struct tcp_info (uapi/linux/tcp.h), with their units.
	TCPInfo Figures `json:"tcp_info,omitempty"`
	// Samples is the window, oldest first, for a request by cookie.
	Samples []Figures `json:"samples,omitempty"`
}

// Socket is what the kernel provides about a socket besides tcp_info
// (uapi/linux/inet_diag.h: struct inet_diag_msg).
type Socket struct {
	SendQueue    uint32 `json:"send_queue_bytes"`
	ReceiveQueue uint32 `json:"receive_queue_bytes"`
	// Timer is the pending timer, TimerExpires the seconds until it expires.
	// TimerRetransmits counts timeouts or probes.
	Timer            string  `json:"timer"`
	TimerExpires     float64 `json:"timer_expires_seconds"`
	TimerRetransmits uint8   `json:"timer_retransmits"`
	UID              uint32  `json:"uid"`
	Inode            uint32  `json:"inode,omitempty"`
	// Congestion is the congestion control algorithm.
	Congestion string `json:"congestion_algorithm,omitempty"`
}

// Error is the answer to a request that failed.
type Error struct {
	Error string `json:"error"`
}
