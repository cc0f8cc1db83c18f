package app

import (
	"time"

	"tcphealth_exporter/health/abort"
	"tcphealth_exporter/hostinfo"
)

// tcpRetries returns when the kernel gives up connections in the network namespace of the
// exporter, as it is set at the start. What cannot be read has the kernel's default.
func tcpRetries(procPath string) abort.Retries {
	r := abort.DefaultRetries()

	s, err := hostinfo.NewSysctls(procPath)
	if err != nil {
		return r
	}

	limit := func(name string, to *uint8) bool {
		n, known := s.Int("net.ipv4." + name)
		if known {
			*to = uint8(min(max(n, 0), 255))
		}

		return known
	}

	limit("tcp_retries2", &r.Data)
	limit("tcp_orphan_retries", &r.Orphan)

	// Before Linux 6.5, all timeouts of a SYN double.
	if limit("tcp_syn_retries", &r.SYN) && !limit("tcp_syn_linear_timeouts", &r.LinearSYN) {
		r.LinearSYN = 0
	}

	if ms, known := s.Int("net.ipv4.tcp_rto_max_ms"); known && ms > 0 {
		r.MaxRTO = time.Duration(ms) * time.Millisecond
	}

	return r
}
