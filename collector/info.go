package collector

import (
	"strconv"
	"strings"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// infos are the labels of connection_info by what they are made of. There are few
// different ones.
type infos map[infoFacts][]string

type infoFacts struct {
	state      sampler.State
	congestion [16]byte
	options    uint64
	uid        uint32
	uidKnown   bool
	group      string
	network    string
	namespace  string
}

// maxInfos bounds the memory: when there are more, all are made again.
const maxInfos = 1 << 10

// info returns the labels of connection_info that are its own.
func (s *series) info(c *health.Connection) []string {
	row := &c.Row
	options, _ := row.Info.Get(sampler.FieldOptions)
	uid, known := s.userID(row)

	return s.infos.of(&infoFacts{row.State, row.Congestion, options, uid, known, c.Group, c.Network, c.NetworkNamespace})
}

func (known infos) of(facts *infoFacts) []string {
	labels, ok := known[*facts]
	if !ok {
		if len(known) == maxInfos {
			clear(known)
		}

		labels = facts.labels()
		known[*facts] = labels
	}

	return labels
}

func (f *infoFacts) labels() []string {
	uid := ""
	if f.uidKnown {
		uid = strconv.FormatUint(uint64(f.uid), 10)
	}

	congestion := sampler.Socket{Congestion: f.congestion}

	return []string{
		f.state.String(), congestion.CongestionName(), optionNames(f.options), uid, f.group, f.network, f.namespace,
	}
}

type optionName struct {
	bit  uint64
	name string
}

var optionNameTable = []optionName{
	{sampler.OptionTimestamps, "timestamps"},
	{sampler.OptionSACK, "sack"},
	{sampler.OptionWScale, "wscale"},
	{sampler.OptionECN, "ecn"},
	{sampler.OptionECNSeen, "ecn_seen"},
	{sampler.OptionSynData, "syn_data"},
	{sampler.OptionUsecTS, "usec_ts"},
	{sampler.OptionTFOChild, "tfo_child"},
}

// optionNames lists the negotiated options, separated by commas.
func optionNames(bits uint64) string {
	names := make([]string, 0, len(optionNameTable))
	for _, o := range optionNameTable {
		if bits&o.bit != 0 {
			names = append(names, o.name)
		}
	}

	return strings.Join(names, ",")
}
