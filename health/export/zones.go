package export

import (
	"strconv"
	"unicode/utf8"

	"tcphealth_exporter/sampler"
)

// Zones are the names of the interfaces of link-local addresses, each looked up at most once
// per sample: interfaces come, go and are renamed. Those of other network namespaces than the
// exporter's own are unknown.
type Zones struct {
	// LookUp returns the name of an interface, empty if it has none. nil knows none.
	LookUp func(index uint32) string

	names map[uint32]string
}

// Begin starts a sample.
func (z *Zones) Begin() { clear(z.names) }

// Name returns the name of an interface, its number if that is unknown, and nothing for
// zero.
func (z *Zones) Name(space sampler.Space, index uint32) string {
	switch {
	case index == 0:
		return ""
	case space != 0:
		return NameOr("", uint64(index))
	}

	if name, known := z.names[index]; known {
		return name
	}

	name := ""
	if z.LookUp != nil {
		name = z.LookUp(index)
	}

	if z.names == nil {
		z.names = make(map[uint32]string)
	}

	name = NameOr(name, uint64(index))
	z.names[index] = name

	return name
}

// NameOr returns the name if it can be a label, else the number.
func NameOr(name string, number uint64) string {
	if name == "" || !utf8.ValidString(name) {
		return strconv.FormatUint(number, 10)
	}

	return name
}
