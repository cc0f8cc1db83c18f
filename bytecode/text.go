package bytecode

import (
	"fmt"
	"strconv"
	"strings"
)

// binding is the precedence of an operator.
type binding int

const (
	looseOr binding = iota
	looseAnd
	tight
)

// hostWord is the word for the address of a side.
func (d side) hostWord() string {
	return [...]string{local: "src", remote: "dst"}[d]
}

// portWord is the word for the port of a side.
func (d side) portWord() string {
	return [...]string{local: "sport", remote: "dport"}[d]
}

func (n all) text(place binding) string {
	if len(n) == 0 {
		return "sport = *"
	}

	return joined(n, " and ", looseAnd, place)
}

func (n some) text(place binding) string {
	if len(n) == 0 {
		return "sport != *"
	}

	return joined(n, " or ", looseOr, place)
}

// joined joins the parts with an operator.
func joined(parts []node, operator string, strength, place binding) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text(strength)
	}

	list := strings.Join(texts, operator)
	if strength < place {
		return "(" + list + ")"
	}

	return list
}

func (n not) text(binding) string {
	switch part := n.part.(type) {
	case endpoint:
		if part.isPlain() {
			return part.compared("!=")
		}
	case device, mark, cgroup:
		return strings.Replace(part.text(tight), "=", "!=", 1)
	}

	return "not " + n.part.text(tight)
}

// isPlain reports whether one term can say it.
func (n endpoint) isPlain() bool {
	return n.hosts == nil || n.ports.isAll() || len(n.hosts) == 1
}

func (n endpoint) text(place binding) string {
	switch {
	case n.hosts == nil:
		return n.side.portWord() + " " + n.ports.comparison()
	case !n.isPlain():
		apart := all{endpoint{n.side, n.hosts, anyPort()}, endpoint{n.side, nil, n.ports}}

		return apart.text(place)
	}

	return n.compared("=")
}

// compared returns the term with an address.
func (n endpoint) compared(operator string) string {
	host := n.hosts.String()

	switch {
	case n.ports.isAll():
	case n.hosts[0].v6:
		addr, length, found := strings.Cut(host, "/")
		host = "[" + addr + "]"
		if found {
			host += "/" + length
		}

		host += ":" + n.ports.String()
	default:
		host += ":" + n.ports.String()
	}

	return n.side.hostWord() + " " + operator + " " + host
}

func (n device) text(binding) string {
	return "dev = " + strconv.FormatUint(uint64(n), 10)
}

func (n mark) text(binding) string {
	if n.mask == ^uint32(0) {
		return fmt.Sprintf("fwmark = %#x", n.value)
	}

	return fmt.Sprintf("fwmark = %#x/%#x", n.value, n.mask)
}

func (n cgroup) text(binding) string {
	return "cgroup = " + strconv.FormatUint(uint64(n), 10)
}

func (autobound) text(binding) string {
	return "autobound"
}
