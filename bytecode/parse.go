package bytecode

import (
	"fmt"
	"strconv"
)

const (
	// MaxSource is how long the text of a filter may be, in bytes.
	MaxSource = 64 << 10
	// MaxDepth is how many parentheses and nots may enclose a term.
	MaxDepth = 256
)

// Env looks up names. A lookup that is nil knows none.
type Env struct {
	// Service returns the port of a TCP service, as services(5) has it.
	Service func(name string) (port uint16, ok bool)
	// Interface returns the index of a network interface.
	Interface func(name string) (index uint32, ok bool)
	// Cgroup returns the id of a cgroup v2 by its path.
	Cgroup func(path string) (id uint64, ok bool)
}

// Parse reads a filter in the language of ss(8). A text of blanks and comments is
// the filter that passes everything. The error is a [*SyntaxError].
func Parse(src string, env Env) (*Filter, error) {
	p := &parser{src: src, env: env}

	if len(src) > MaxSource {
		return nil, p.fail(0, fmt.Sprintf("at most %d bytes", MaxSource), strconv.Itoa(len(src)))
	}

	p.advance()

	if p.tok.kind == endToken {
		return &Filter{}, nil
	}

	root, err := p.disjunction()
	if err != nil {
		return nil, err
	}

	if p.tok.kind != endToken {
		return nil, p.unexpected(`"and", "or" or the end`)
	}

	return &Filter{root}, nil
}

// parser reads from left to right; tok is the token that was not used yet.
type parser struct {
	src   string
	env   Env
	tok   token
	depth int
}

func (p *parser) advance() {
	p.tok = next(p.src, p.tok.end)
}

// disjunction = conjunction { "or" conjunction }.
func (p *parser) disjunction() (node, error) {
	var parts []node

	for {
		part, err := p.conjunction()
		if err != nil {
			return nil, err
		}

		parts = append(parts, part)

		if p.tok.kind != orToken {
			return disjunction(parts), nil
		}

		p.advance()
	}
}

// conjunction = factor { [ "and" ] factor }.
func (p *parser) conjunction() (node, error) {
	var parts []node

	for {
		part, err := p.factor()
		if err != nil {
			return nil, err
		}

		parts = append(parts, part)

		switch p.tok.kind {
		case andToken:
			p.advance()
		case wordToken, notToken, openToken:
		default:
			return conjunction(parts), nil
		}
	}
}

// factor = "not" factor | "(" disjunction ")" | term.
func (p *parser) factor() (node, error) {
	p.depth++
	defer func() { p.depth-- }()

	open := p.tok

	switch {
	case open.kind == wordToken:
		return p.term()
	case open.kind != notToken && open.kind != openToken:
		return nil, p.unexpected(`a term such as "sport = 80"`)
	case p.depth > MaxDepth:
		return nil, p.fail(open.pos, fmt.Sprintf("at most %d parentheses and nots around a term", MaxDepth), "one more")
	}

	p.advance()

	if open.kind == notToken {
		part, err := p.factor()
		if err != nil {
			return nil, err
		}

		return negation(part), nil
	}

	inner, err := p.disjunction()
	if err != nil {
		return nil, err
	}

	if p.tok.kind != closeToken {
		return nil, p.unexpected(`"and", "or" or ")"`)
	}

	p.advance()

	return inner, nil
}

// unexpected is the error about the token that was not used yet.
func (p *parser) unexpected(expected string) error {
	found := "the end"
	if p.tok.kind != endToken {
		found = quote(p.src[p.tok.pos:p.tok.end])
	}

	return p.fail(p.tok.pos, expected, found)
}

// fail is the error about a place in the text.
func (p *parser) fail(pos int, expected, found string) error {
	return newSyntaxError(p.src, pos, expected, found)
}
