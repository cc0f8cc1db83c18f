package bench

import (
	"fmt"
	"testing"

	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
)

// socketsPerHolder is how many sockets one process holds at most.
const socketsPerHolder = 16_000

func TestMain(m *testing.M) { holder.Main(m) }

// population makes sockets idle sockets in a new namespace.
func population(b *testing.B, sockets int) *netlab.Namespace {
	b.Helper()

	ns := netlab.New(b)

	for i := 0; sockets > 0; i++ {
		n := min(sockets, socketsPerHolder)
		sockets -= n
		holder.Start(b, ns, n/2, fmt.Sprintf("127.0.%d.1", i+1), nil)
	}

	return ns
}
