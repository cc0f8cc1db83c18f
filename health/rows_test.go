package health

import "tcphealth_exporter/internal/diagtest"

// row is a row of a dump in the kernel's terms.
type row = diagtest.Row

func established(cookie uint64) row { return diagtest.Established(cookie) }

func listener(cookie uint64, local string, queue, limit uint32) row {
	return diagtest.Listener(cookie, local, queue, limit)
}
