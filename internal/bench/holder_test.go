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

// population makes sockets idle sockets in a new namespace. exchange has a message go
// each way on every nth connection.
func population(b *testing.B, sockets int) (ns *netlab.Namespace, exchange func(nth int)) {
	b.Helper()

	ns = netlab.New(b)
	holders := holdersOf(b, ns, sockets)

	return ns, func(nth int) {
		for _, h := range holders {
			h.Exchange(nth)
		}
	}
}

// holdersOf creates idle sockets in a namespace, as many as sockets says, and returns the
// processes that hold them.
func holdersOf(b *testing.B, ns *netlab.Namespace, sockets int) (all []*holder.Holder) {
	b.Helper()

	for i := 0; sockets > 0; i++ {
		n := min(sockets, socketsPerHolder)
		sockets -= n
		all = append(all, holder.Start(b, ns, n/2, fmt.Sprintf("127.0.%d.1", i+1), nil))
	}

	return all
}
