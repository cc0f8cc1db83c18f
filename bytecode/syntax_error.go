package bytecode

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError is a mistake in the text of a filter, and its position.
type SyntaxError struct {
	// Line and Column count from 1, the column in characters.
	Line, Column int
	// Expected is what the position requires.
	Expected string
	// Found is what is there instead, in quotes if it is a part of the text.
	Found string

	line string
}

// newSyntaxError makes an error about a place in the text.
func newSyntaxError(src string, pos int, expected, found string) *SyntaxError {
	before := src[:pos]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(src[start:], "\n")

	return &SyntaxError{
		Line:     1 + strings.Count(before, "\n"),
		Column:   1 + utf8.RuneCountInString(src[start:pos]),
		Expected: expected,
		Found:    found,
		line:     line,
	}
}

// Error returns the place and what is wrong there in one line:
//
//	filter:1:9: expected a port after "sport =", found "htpp"
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("filter:%d:%d: expected %s, found %s", e.Line, e.Column, e.Expected, e.Found)
}

// showAround is the number of characters before and after the position to print.
const showAround = 60

// Show returns the line and below it a caret at the place, both with a line feed
// at the end. Of a long line it shows the surroundings.
func (e *SyntaxError) Show() string {
	runes := []rune(e.line)
	at := e.Column - 1
	from, to := max(0, at-showAround), min(len(runes), at+showAround)

	var shown, below strings.Builder

	if from > 0 {
		shown.WriteString("…")
		below.WriteByte(' ')
	}

	for i, r := range runes[from:to] {
		if r != '\t' && !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}

		shown.WriteRune(r)

		if from+i < at {
			below.WriteRune(blank(r))
		}
	}

	if to < len(runes) {
		shown.WriteString("…")
	}

	return shown.String() + "\n" + below.String() + "^\n"
}

// blank returns what takes the same room as the character.
func blank(r rune) rune {
	if r == '\t' {
		return r
	}

	return ' '
}

// quoteAtMost is how many characters of the text an error repeats.
const quoteAtMost = 40

// quote puts a part of the text in quotes, shortened.
func quote(s string) string {
	if utf8.RuneCountInString(s) > quoteAtMost {
		s = string([]rune(s)[:quoteAtMost]) + "…"
	}

	return strconv.Quote(s)
}
