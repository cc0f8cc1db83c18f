package api

import (
	"strings"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/sampler"
)

// base is how a figure in one of the kernel's units is rendered.
type base struct {
	suffix string
	// said are parts of names that include the unit already.
	said string
	// per is the number of the kernel's units in the rendered one.
	per float64
}

var baseTable = [...]base{
	sampler.Number:         {per: 1},
	sampler.Segments:       {suffix: "_segments", said: "segs", per: 1},
	sampler.Bytes:          {suffix: "_bytes", said: "bytes", per: 1},
	sampler.BytesPerSecond: {suffix: "_bytes_per_second", said: "bytes", per: 1},
	sampler.Microseconds:   {suffix: "_seconds", said: "seconds", per: 1e6},
	sampler.Milliseconds:   {suffix: "_seconds", said: "seconds", per: 1e3},
}

// fieldNameTable has the kernel's names of the fields of tcp_info with their units.
var fieldNameTable = fieldNames()

func fieldNames() (names [sampler.NumFields]string) {
	for f := range sampler.NumFields {
		names[f] = f.String()
		if b := baseTable[f.Unit()]; !strings.Contains(names[f], b.said) || b.said == "" {
			names[f] += b.suffix
		}
	}

	return names
}

// addField adds a field of tcp_info, given in the kernel's unit.
func addField(f *v1.Figures, field sampler.Field, v uint64) {
	name, per := fieldNameTable[field], baseTable[field.Unit()].per
	if per == 1 {
		f.AddCount(name, v)
	} else {
		f.AddNumber(name, float64(v)/per)
	}
}

// newTCPInfo renders the fields that tcp_info has.
func newTCPInfo(info *sampler.TCPInfo) v1.Figures {
	all := make(v1.Figures, 0, 2048)

	for f := range sampler.NumFields {
		if v, ok := info.Get(f); ok {
			addField(&all, f, v)
		}
	}

	return all
}
