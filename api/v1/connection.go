package v1

// ConnectionList is the answer to GET /api/v1/connections and, with one connection, to
// GET /api/v1/connections/{cookie}.
type ConnectionList struct {
	// SampledAt is the time of the last sample.
	SampledAt Time `json:"sampled_at"`
	// Total is the number of selected connections.
	Total int `json:"total"`
	// Truncated reports whether the limit of the request left some of them out.
	Truncated bool `json:"truncated"`
	// Connections are ordered by status, the worst first.
	Connections []Connection `json:"connections"`
}

// Error is the answer to a request that failed.
type Error struct {
	Error string `json:"error"`
}

// Connection is one connection with its verdict, which is that of the last sample or
// recheck.
type Connection struct {
	// LocalAddress and RemoteAddress are IP addresses, link-local ones with their zone.
	LocalAddress  string `json:"local_address"`
	LocalPort     uint16 `json:"local_port"`
	RemoteAddress string `json:"remote_address"`
	RemotePort    uint16 `json:"remote_port"`
	// Cookie is the kernel's identifier of the socket, hexadecimal with 0x.
	Cookie string `json:"cookie"`
	// State is the TCP state, such as ESTABLISHED, in the last sample.
	State string `json:"state"`
	// Idle reports whether no data moved in the window and nothing is outstanding.
	Idle bool `json:"idle"`
	// Status is HEALTHY, CAUTION, SUSPECT, DEGRADED or STALE, since StatusSince.
	Status      string `json:"status"`
	StatusSince Time   `json:"status_since"`
	// Score is 100 for a connection without active flags, 0 for the worst.
	Score int `json:"score"`
	// Points are those of the worst cause, raised by other causes within the status.
	Points int `json:"points"`
	// SafeToSend reports whether new data can be expected to arrive.
	SafeToSend bool `json:"safe_to_send"`
	// Owner is the owner of the socket by its cgroup, absent if unknown.
	Owner *Owner `json:"owner,omitempty"`
	// NetworkNamespace is the inode number of the network namespace, as lsns(8) shows it,
	// absent for that of the exporter.
	NetworkNamespace string `json:"network_namespace,omitempty"`
	// Process is a process that has the socket open, ProcessError why it is unknown. Both are
	// absent unless the request has process=1.
	Process      *Process `json:"process,omitempty"`
	ProcessError string   `json:"process_error,omitempty"`
	// Flags are the names of the active flags.
	Flags []string `json:"flags"`
	// Cause is the most likely cause of the status, none if there is none.
	Cause string `json:"cause"`
	// Reasons has a sentence for each active flag.
	Reasons []string `json:"reasons"`
	// FirstSeen is the time of the first sample of the connection, Ended that of its
	// end, absent before. EndReason is closed, reset, timed_out, evicted, shutdown,
	// namespace_gone or unknown, absent before the end.
	FirstSeen Time   `json:"first_seen"`
	Ended     Time   `json:"ended,omitzero"`
	EndReason string `json:"end_reason,omitempty"`
	// CloseWait is the time since the peer closed the connection while the local
	// application has not, absent in other states than CLOSE_WAIT.
	CloseWait *float64 `json:"close_wait_seconds,omitempty"`
	// AbortsIn is the time until the kernel aborts the connection if nothing more
	// arrives, absent where it cannot be known.
	AbortsIn *float64 `json:"aborts_in_seconds,omitempty"`
	// Trend is computed from the samples in the window.
	Trend Trend `json:"trend"`
	// ReadAt is when Socket and TCPInfo were read from the kernel. All three are absent
	// if they were not read.
	ReadAt Time    `json:"read_at,omitzero"`
	Socket *Socket `json:"socket,omitempty"`
	// TCPInfo has the fields of struct tcp_info that the kernel reports, named without
	// tcpi_ and with their unit.
	TCPInfo Fields `json:"tcp_info,omitzero"`
	// Samples are the samples in the window, oldest first, if the request was for a
	// single connection.
	Samples []Sample `json:"samples,omitempty"`
}

// Owner identifies the systemd unit, container or pod that created a socket, or its
// listener. Members that are unknown or do not apply are absent.
type Owner struct {
	// Kind is unit, container or pod.
	Kind string `json:"kind"`
	// Unit is the systemd unit.
	Unit string `json:"unit,omitempty"`
	// Namespace, Workload, Pod and Container are names in Kubernetes. Workload and Container
	// are also the name of another container, Container its short id if it has none.
	Namespace string `json:"namespace,omitempty"`
	Workload  string `json:"workload,omitempty"`
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	// ContainerID has 64 hexadecimal digits. Runtime is the program that runs the container.
	ContainerID string `json:"container_id,omitempty"`
	Runtime     string `json:"runtime,omitempty"`
	// PodUID is the UID of the pod.
	PodUID string `json:"pod_uid,omitempty"`
}

// Process is a process that has a socket open.
type Process struct {
	// PID is its id in the PID namespace of the netns-broker, Command its name (comm).
	PID     int    `json:"pid"`
	Command string `json:"command"`
}

// Socket is what the kernel reports about a socket besides tcp_info.
type Socket struct {
	// SendQueue is unacknowledged and unsent data, ReceiveQueue data that the
	// application has not read (idiag_wqueue, idiag_rqueue).
	SendQueue    uint32 `json:"send_queue_bytes"`
	ReceiveQueue uint32 `json:"receive_queue_bytes"`
	// Timer is the pending timer, such as retransmit or keepalive (idiag_timer).
	Timer string `json:"timer"`
	// TimerExpires is the time until the timer expires (idiag_expires).
	TimerExpires float64 `json:"timer_expires_seconds"`
	// TimerRetransmits is the number of timeouts or probes so far (idiag_retrans).
	TimerRetransmits uint8 `json:"timer_retransmits"`
	// UID is the owner of the socket (idiag_uid), absent if the user namespace of the
	// exporter does not have it.
	UID *uint32 `json:"uid,omitempty"`
	// Inode is the inode of the socket, absent if no process holds it (idiag_inode).
	Inode uint32 `json:"inode,omitempty"`
	// Congestion is the congestion control algorithm (INET_DIAG_CONG).
	Congestion string `json:"congestion_algorithm,omitempty"`
}
