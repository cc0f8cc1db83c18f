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
	group      string
	network    string
	namespace  string
}

// maxInfos bounds the memory: when there are more, all are made again.
const maxInfos = 1 << 10

func (known infos) of(c *health.Connection) []string {
	row := &c.Row
	options, _ := row.Info.Get(sampler.FieldOptions)
	facts := infoFacts{row.State, row.Congestion, options, row.UID, c.Group, c.Network, c.NetworkNamespace}

	labels, ok := known[facts]
	if !ok {
		if len(known) == maxInfos {
			clear(known)
		}

		labels = []string{
			row.State.String(), row.CongestionName(), optionNames(options), strconv.FormatUint(uint64(row.UID), 10),
			c.Group, c.Network, c.NetworkNamespace,
		}
		known[facts] = labels
	}

	return labels
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
