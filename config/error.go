package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in a configuration, and its position.
type Error struct {
	// File is the name that was given to [Parse].
	File string
	// Line and Column count from 1; both are zero where the place is not known.
	Line, Column int
	// Path leads to the value, as in "profiles.db.flags.rtt_high[0]". It is
	// empty for the file as a whole.
	Path string
	// Err is what is wrong there, a [*bytecode.SyntaxError] for one in a filter.
	Err error
}

// Error returns everything in one line:
//
//	tcphealth_exporter.yml:7:5: profiles.db.hold: expected a duration from 0s to 24h such as 1.5s, found "1"
func (e *Error) Error() string {
	var b strings.Builder

	b.WriteString(e.File)

	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}

	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}

	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// quoteAtMost is how many characters of the file an error repeats.
const quoteAtMost = 40

// quote puts a part of the file in quotes, shortened.
func quote(s string) string {
	if utf8.RuneCountInString(s) > quoteAtMost {
		s = string([]rune(s)[:quoteAtMost]) + "…"
	}

	return strconv.Quote(s)
}
