package health

import (
	"strconv"
	"unicode/utf8"
)

// numbered names what the kernel identifies by number, looking each number up at most
// once per sample: interfaces come, go and are renamed.
type numbered[K uint32 | uint64] struct {
	lookUp func(number K) string
	names  map[K]string
}

type (
	// zones are the interfaces of link-local addresses.
	zones = numbered[uint32]
	// cgroups are the cgroups of connections.
	cgroups = numbered[uint64]
)

func (n *numbered[K]) begin() { clear(n.names) }

// name returns the name for a number, the number itself if it has no name that can be
// a label, and nothing for zero.
func (n *numbered[K]) name(number K) string {
	if number == 0 {
		return ""
	}

	if name, known := n.names[number]; known {
		return name
	}

	name := ""
	if n.lookUp != nil {
		name = n.lookUp(number)
	}

	if name == "" || !utf8.ValidString(name) {
		name = strconv.FormatUint(uint64(number), 10)
	}

	if n.names == nil {
		n.names = make(map[K]string)
	}

	n.names[number] = name

	return name
}
