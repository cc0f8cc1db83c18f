package app

import (
	"tcphealth_exporter/health/abort"
	"tcphealth_exporter/hostinfo"
)

// tcpRetries returns when the kernel gives up connections in the network namespace of the
// exporter, as it is set at the start.
func tcpRetries(procPath string) abort.Retries {
	s, err := hostinfo.NewSysctls(procPath)
	if err != nil {
		return abort.DefaultRetries()
	}

	return abort.RetriesOf(s.Int)
}
