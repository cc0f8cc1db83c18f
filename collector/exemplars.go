package collector

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
)

// exemplars caches the exemplars of flag events.
type exemplars map[health.Activation]*dto.Exemplar

// maxExemplars bounds the memory: when it is reached, the cache is cleared. It is well
// above the number of flags.
const maxExemplars = 1 << 8

// of returns an exemplar of one event, nil if there was none.
func (known exemplars) of(last *health.Activation) *dto.Exemplar {
	if last.At.IsZero() {
		return nil
	}

	e, ok := known[*last]
	if !ok {
		if len(known) == maxExemplars {
			clear(known)
		}

		e = &dto.Exemplar{
			Label:     []*dto.LabelPair{{Name: new("connection"), Value: new(named(&last.Identity))}},
			Value:     new(1.0),
			Timestamp: timestamppb.New(last.At),
		}
		known[*last] = e
	}

	return e
}

// named renders a connection as one label. The zone, which is the same at both ends,
// appears once, so that the longest name fits into the 128 runes of an exemplar.
func named(id *export.Identity) string {
	remote := id.RemoteAddress
	if strings.Contains(id.LocalAddress, "%") {
		remote, _, _ = strings.Cut(remote, "%")
	}

	return endpoint(id.LocalAddress, id.LocalPort) + "->" + endpoint(remote, id.RemotePort)
}

func endpoint(address, port string) string {
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}

	return address + ":" + port
}
