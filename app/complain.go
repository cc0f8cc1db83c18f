package app

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/config"
)

// complain writes an error on one line, with advice if it is about the command line.
// Below an error in a filter it marks the position.
func complain(w io.Writer, err error, advice string) {
	place := ""
	_, inFile := errors.AsType[*config.Error](err)
	syntax, inFilter := errors.AsType[*bytecode.SyntaxError](err)

	if inFilter {
		place = syntax.Show()
	}

	switch {
	case inFile:
		advice = ""
	case inFilter:
		err, advice = syntax, ""
	}

	_, _ = fmt.Fprintf(w, "%s: error: %s%s\n%s", program, oneLine(err), advice, place)
}

// oneLine returns the text of an error without line breaks, which YAML errors have.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
