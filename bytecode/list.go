package bytecode

import (
	"strconv"
	"strings"
)

// item is an element of a list, and where it is.
type item struct {
	text     string
	pos, end int
}

// items reads a list with commas, around which there may be blanks.
func (p *parser) items(expected string) ([]item, error) {
	if p.tok.kind != wordToken {
		return nil, p.unexpected(expected)
	}

	items := p.split()

	for p.tok.kind == wordToken {
		open := items[len(items)-1].text == ""
		more := strings.HasPrefix(p.tok.text, ",")

		if open == more {
			break // a comma too few or too many
		}

		tail := p.split()
		if open {
			items = append(items[:len(items)-1], tail...)
		} else {
			items = append(items, tail[1:]...)
		}
	}

	return items, nil
}

// split cuts the word at its commas. With a backslash in it, every item is said to
// be where the word is.
func (p *parser) split() []item {
	t := p.tok
	plain := t.text == p.src[t.pos:t.end]

	var items []item

	for pos, found := 0, true; found; {
		var text string

		text, _, found = strings.Cut(t.text[pos:], ",")

		it := item{text, t.pos, t.end}
		if plain {
			it = item{text, t.pos + pos, t.pos + pos + len(text)}
		}

		items = append(items, it)
		pos += len(text) + 1
	}

	p.advance()

	return items
}

// from returns the rest of the item after so many bytes.
func (it item) from(n int) item {
	if it.isPlain() {
		it.pos += n
	}

	it.text = it.text[n:]

	return it
}

// cut parts the item at the first separator, as [strings.Cut] does.
func (it item) cut(separator string) (before, after item, found bool) {
	text, _, found := strings.Cut(it.text, separator)
	if !found {
		return it, item{"", it.end, it.end}, false
	}

	after = it.from(len(text) + len(separator))

	if it.isPlain() {
		it.end = it.pos + len(text)
	}

	it.text = text

	return it, after, true
}

// isPlain reports whether the item is in the source as it is.
func (it item) isPlain() bool {
	return it.end-it.pos == len(it.text)
}

// wrong is the error about an item.
func (p *parser) wrong(it item, expected string) error {
	found := quote(it.text)
	if it.text == "" {
		found = "nothing"
	}

	return p.fail(it.pos, expected, found)
}

// portList = port { "," port }.
func (p *parser) portList(ph phrase, items []item) (ports, error) {
	ranges := make([]portRange, 0, len(items))

	for _, it := range items {
		r, err := p.portRange(ph, it)
		if err != nil {
			return nil, err
		}

		ranges = append(ranges, r)
	}

	return newPorts(ranges...), nil
}

// portRange = [ ":" ] ( number [ "-" number ] | service | "*" ).
func (p *parser) portRange(ph phrase, it item) (portRange, error) {
	if strings.HasPrefix(it.text, ":") {
		it = it.from(1)
	}

	low, high, isRange := strings.Cut(it.text, "-")

	switch {
	case it.text == "*":
		return portRange{0, maxPort}, nil
	case isNumber(low) && !isRange:
		port, ok := portNumber(low)
		if !ok {
			return portRange{}, p.wrong(it, ph.want("a port from 0 to 65535"))
		}

		return portRange{port, port}, nil
	case isNumber(low) && (isNumber(high) || high == ""):
		return p.numberRange(ph, it, low, high)
	}

	port, err := p.service(ph, it)

	return portRange{port, port}, err
}

// numberRange makes a range of its two ends.
func (p *parser) numberRange(ph phrase, it item, low, high string) (portRange, error) {
	lo, ok := portNumber(low)
	if !ok {
		return portRange{}, p.wrong(it, ph.want("ports from 0 to 65535"))
	}

	hi, ok := portNumber(high)

	switch {
	case !ok:
		return portRange{}, p.wrong(it.from(len(low)+1), ph.want("the last port of a range, up to 65535,"))
	case hi < lo:
		return portRange{}, p.wrong(it, ph.want("a range from the lower port to the higher"))
	}

	return portRange{lo, hi}, nil
}

// service looks up a port by name.
func (p *parser) service(ph phrase, it item) (uint16, error) {
	if p.env.Service == nil {
		return 0, p.wrong(it, ph.want("a port number"))
	}

	if it.text != "" {
		if port, ok := p.env.Service(it.text); ok {
			return port, nil
		}
	}

	return 0, p.wrong(it, ph.want("a port"))
}

func portNumber(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)

	return uint16(n), err == nil
}
