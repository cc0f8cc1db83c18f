package bytecode

import "strings"

// kind is what a token is.
type kind int

const (
	endToken kind = iota
	wordToken
	openToken
	closeToken
	andToken
	orToken
	notToken
	compareToken
)

// token is a piece of the text.
type token struct {
	kind kind
	// text is what the token means: a word without its backslashes.
	text string
	// pos and end are where it is in the source.
	pos, end int
}

// operatorTable has the words for operators and their kinds.
var operatorTable = map[string]kind{
	"and": andToken, "&": andToken, "&&": andToken,
	"or": orToken, "|": orToken, "||": orToken,
	"not": notToken, "!": notToken,
	"(": openToken, ")": closeToken,
}

const (
	blanks  = " \t\r\n\v\f"
	special = "()&|!=<>"
)

// next returns the token that begins at or behind pos.
func next(src string, pos int) token {
	pos = skipBlanks(src, pos)

	switch {
	case pos == len(src):
		return token{endToken, "", pos, pos}
	case strings.IndexByte(special, src[pos]) < 0:
		return word(src, pos)
	}

	end := pos + 1
	if end < len(src) && isPair(src[pos:end+1]) {
		end++
	}

	text := src[pos:end]
	if k, ok := operatorTable[text]; ok {
		return token{k, text, pos, end}
	}

	return token{compareToken, text, pos, end}
}

// isPair reports whether two characters are one operator.
func isPair(s string) bool {
	switch s {
	case "==", "!=", "<=", ">=", "&&", "||":
		return true
	}

	return false
}

// skipBlanks passes over blanks and comments.
func skipBlanks(src string, pos int) int {
	for pos < len(src) {
		switch {
		case strings.IndexByte(blanks, src[pos]) >= 0:
			pos++
		case src[pos] == '#':
			length := strings.IndexByte(src[pos:], '\n')
			if length < 0 {
				return len(src)
			}

			pos += length
		default:
			return pos
		}
	}

	return pos
}

// word reads a word. A backslash makes an ordinary character of the next one, and
// an ordinary word of an operator.
func word(src string, pos int) token {
	var text strings.Builder

	end, escaped := pos, false

	for ; end < len(src) && strings.IndexByte(blanks+special, src[end]) < 0; end++ {
		if src[end] == '\\' && end+1 < len(src) {
			escaped = true
			end++
		}

		text.WriteByte(src[end])
	}

	t := token{wordToken, text.String(), pos, end}
	if k, ok := operatorTable[t.text]; ok && !escaped {
		t.kind = k
	}

	return t
}
