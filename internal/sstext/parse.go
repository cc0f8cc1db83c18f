package sstext

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// columns is the number of columns before the items of a line: state, two queues, two addresses.
const columns = 5

var (
	errColumns = errors.New("fewer than five columns")
	errState   = errors.New("unknown state")
)

// Parse reads the lines of ss, one socket each. Empty lines and the header are passed over. The error, if any, quotes
// the first line that is not as expected.
func Parse(text string) ([]Row, error) {
	var rows []Row
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \n")
		if line == "" || isHeader(line) {
			continue
		}
		row, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("parsing line %d of ss, %q: %w", number, line, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// isHeader distinguishes the header line from a socket.
func isHeader(line string) bool {
	return strings.HasPrefix(line, "State ")
}

// parseLine reads a line that is a socket.
func parseLine(line string) (Row, error) {
	column, rest, err := cutColumns(line)
	if err != nil {
		return Row{}, err
	}
	row, err := parseColumns(column)
	if err != nil {
		return Row{}, err
	}
	return row, row.parseItems(rest)
}

// cutColumns cuts the columns off a line.
func cutColumns(line string) (column [columns]string, rest string, err error) {
	for i := range column {
		column[i], line, _ = strings.Cut(line, " ")
		line = strings.TrimLeft(line, " ")
		if column[i] == "" {
			return column, "", errColumns
		}
	}
	return column, line, nil
}

// parseColumns reads the columns.
func parseColumns(column [columns]string) (row Row, err error) {
	row.State = column[0]
	if _, ok := stateTable[row.State]; !ok {
		return Row{}, fmt.Errorf("%w %q", errState, row.State)
	}
	if row.RecvQ, err = strconv.ParseUint(column[1], 10, 64); err != nil {
		return Row{}, fmt.Errorf("the receive queue: %w", err)
	}
	if row.SendQ, err = strconv.ParseUint(column[2], 10, 64); err != nil {
		return Row{}, fmt.Errorf("the send queue: %w", err)
	}
	if row.Local, row.Interface, err = parseAddress(column[3]); err != nil {
		return Row{}, fmt.Errorf("the local address: %w", err)
	}
	if row.Remote, _, err = parseAddress(column[4]); err != nil {
		return Row{}, fmt.Errorf("the remote address: %w", err)
	}
	return row, nil
}
