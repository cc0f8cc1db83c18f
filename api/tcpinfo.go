package api

import (
	"strings"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/sampler"
)

// base is how a number in one of the kernel's units is written.
type base struct {
	suffix string
	// implied is the part of a name that makes the suffix redundant.
	implied string
	// per is the number of the kernel's units in the one that is written.
	per float64
}

var baseTable = [...]base{
	sampler.Number:         {per: 1},
	sampler.Segments:       {suffix: "_segments", implied: "segs", per: 1},
	sampler.Bytes:          {suffix: "_bytes", implied: "bytes", per: 1},
	sampler.BytesPerSecond: {suffix: "_bytes_per_second", implied: "bytes", per: 1},
	sampler.Microseconds:   {suffix: "_seconds", implied: "seconds", per: 1e6},
	sampler.Milliseconds:   {suffix: "_seconds", implied: "seconds", per: 1e3},
}

// fieldNameTable has the names of the fields of tcp_info with their units.
var fieldNameTable = fieldNames()

func fieldNames() (names [sampler.NumFields]string) {
	for f := range sampler.NumFields {
		names[f] = f.String()
		if b := baseTable[f.Unit()]; !strings.Contains(names[f], b.implied) || b.implied == "" {
			names[f] += b.suffix
		}
	}

	return names
}

// addField adds a field of tcp_info, which is in the kernel's unit.
func addField(all *v1.Fields, f sampler.Field, v uint64) {
	name, per := fieldNameTable[f], baseTable[f.Unit()].per
	if per == 1 {
		all.AddCount(name, v)
	} else {
		all.AddNumber(name, float64(v)/per)
	}
}

// newTCPInfo converts the fields of tcp_info that the kernel reports.
func newTCPInfo(info *sampler.TCPInfo) v1.Fields {
	const size = 2048

	all := v1.NewFields(size)

	for f := range sampler.NumFields {
		if v, ok := info.Get(f); ok {
			addField(&all, f, v)
		}
	}

	return all
}
