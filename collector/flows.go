package collector

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tcphealth_exporter/health"
)

// flows are the exemplars of events by what they were made of.
type flows map[health.Raised]*dto.Exemplar

// maxFlows bounds the memory: when there are more, all are made anew. It is well
// above the number of flags.
const maxFlows = 1 << 8

// of returns an exemplar of one event, nil if there was none.
func (known flows) of(last *health.Raised) *dto.Exemplar {
	if last.At.IsZero() {
		return nil
	}

	e, ok := known[*last]
	if !ok {
		if len(known) == maxFlows {
			clear(known)
		}

		e = &dto.Exemplar{
			Label:     []*dto.LabelPair{{Name: new("flow"), Value: new(flow(&last.Identity))}},
			Value:     new(1.0),
			Timestamp: timestamppb.New(last.At),
		}
		known[*last] = e
	}

	return e
}

// flow names a connection in one label. The zone, the same at both ends, is told
// once: so the longest flow fits into the 128 runes of an exemplar's labels.
func flow(id *health.Identity) string {
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
