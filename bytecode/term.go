package bytecode

import (
	"math"
	"strconv"
	"strings"
)

// phrase is the beginning of a term: its keyword and the comparison. An error
// about what follows repeats it.
type phrase struct {
	text     string // as written, for example: sport =
	operator string // one of = != < > <= >=
}

// compareTable has what comparisons may be called.
var compareTable = map[string]string{
	"=": "=", "==": "=", "eq": "=",
	"!=": "!=", "ne": "!=", "neq": "!=",
	"<": "<", "lt": "<", ">": ">", "gt": ">",
	"<=": "<=", "le": "<=", "leq": "<=", ">=": ">=", "ge": ">=", "geq": ">=",
}

// term reads one condition.
func (p *parser) term() (node, error) {
	keyword := p.tok

	switch keyword.text {
	case "src":
		return p.hostTerm(local)
	case "dst":
		return p.hostTerm(remote)
	case "sport":
		return p.portTerm(local)
	case "dport":
		return p.portTerm(remote)
	case "dev":
		return p.equalTerm(p.device)
	case "fwmark":
		return p.equalTerm(p.mark)
	case "cgroup":
		return p.equalTerm(p.cgroup)
	case "autobound":
		p.advance()

		return autobound{}, nil
	}

	expected := "src, dst, sport, dport, dev, fwmark, cgroup or autobound"
	if keyword.text == "state" || keyword.text == "exclude" {
		expected += " (states are not part of a filter: sockets in all states are sampled)"
	}

	return nil, p.unexpected(expected)
}

// phrase reads the keyword and the comparison, which may be left out for "=".
func (p *parser) phrase() phrase {
	ph := phrase{p.tok.text, "="}

	p.advance()

	if p.tok.kind == compareToken || p.tok.kind == wordToken {
		if o, ok := compareTable[p.src[p.tok.pos:p.tok.end]]; ok {
			ph = phrase{ph.text + " " + p.tok.text, o}
			p.advance()
		}
	}

	return ph
}

// equality reads the keyword and a comparison for equality.
func (p *parser) equality() (phrase, error) {
	keyword := p.tok
	ph := p.phrase()

	if ph.operator == "=" || ph.operator == "!=" {
		return ph, nil
	}

	at := next(p.src, keyword.end)

	return ph, p.fail(at.pos, `"=" or "!=" after `+quote(keyword.text), quote(at.text))
}

// want is what to expect behind a phrase.
func (ph phrase) want(what string) string {
	return what + " after " + quote(ph.text)
}

// portTerm = ( "sport" | "dport" ) [ comparison ] ports.
func (p *parser) portTerm(d side) (node, error) {
	ph := p.phrase()

	items, err := p.items(ph.want("a port"))
	if err != nil {
		return nil, err
	}

	set, err := p.portList(ph, items)
	if err != nil {
		return nil, err
	}

	if ph.operator != "=" && ph.operator != "!=" {
		if len(items) != 1 || len(set) != 1 || set[0].lo != set[0].hi {
			return nil, p.fail(items[0].pos, ph.want("a single port"), quote(p.src[items[0].pos:items[len(items)-1].end]))
		}

		set = compared(ph.operator, set[0].lo)
	}

	if ph.operator == "!=" {
		set = set.complement()
	}

	return endpoint{d, nil, set}, nil
}

// compared returns the ports of which a comparison is true.
func compared(operator string, port uint16) ports {
	switch operator {
	case "<=":
		return ports{{0, port}}
	case ">=":
		return ports{{port, maxPort}}
	case "<":
		return ports{{port, maxPort}}.complement()
	default:
		return ports{{0, port}}.complement()
	}
}

// equalTerm reads a term with one value, which is equal or not.
func (p *parser) equalTerm(value func(phrase) (node, error)) (node, error) {
	ph, err := p.equality()
	if err != nil {
		return nil, err
	}

	n, err := value(ph)
	if err != nil {
		return nil, err
	}

	p.advance()

	if ph.operator == "!=" {
		return negation(n), nil
	}

	return n, nil
}

// device is an interface by name or index.
func (p *parser) device(ph phrase) (node, error) {
	index, err := lookup(p, ph, "an interface", math.MaxUint32, p.env.Interface)

	return device(index), err
}

// cgroup is a cgroup by path or id.
func (p *parser) cgroup(ph phrase) (node, error) {
	id, err := lookup(p, ph, "a cgroup", math.MaxUint64, p.env.Cgroup)

	return cgroup(id), err
}

// lookup returns the word as a number up to the limit, or what its name stands
// for.
func lookup[T uint32 | uint64](p *parser, ph phrase, what string, limit uint64, find func(string) (T, bool)) (T, error) {
	switch {
	case p.tok.kind != wordToken:
	case isNumber(p.tok.text):
		if n, err := strconv.ParseUint(p.tok.text, 10, 64); err == nil && n <= limit {
			return T(n), nil
		}
	case find == nil:
		what += " by number"
	default:
		if n, ok := find(p.tok.text); ok {
			return n, nil
		}
	}

	return 0, p.unexpected(ph.want(what))
}

// isNumber reports whether the word has digits only.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// mark is a firewall mark and perhaps a mask.
func (p *parser) mark(ph phrase) (node, error) {
	expected := ph.want("a mark such as 0x10 or 0x10/0xff")

	if p.tok.kind != wordToken {
		return nil, p.unexpected(expected)
	}

	text, maskText, masked := strings.Cut(p.tok.text, "/")
	m := mark{mask: math.MaxUint32}

	value, ok := markNumber(text)
	if m.value = value; !ok {
		return nil, p.unexpected(expected)
	}

	if masked {
		if m.mask, ok = markNumber(maskText); !ok {
			return nil, p.unexpected(expected)
		}
	}

	if m.value&^m.mask != 0 {
		return nil, p.unexpected(ph.want("a mark within its mask"))
	}

	return m, nil
}

// markNumber reads a number in the notations of C, which lack two of Go's.
func markNumber(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 0, 32)
	foreign := strings.Contains(s, "_") || len(s) > 1 && strings.ContainsRune("bBoO", rune(s[1]))

	return uint32(n), err == nil && !foreign
}
