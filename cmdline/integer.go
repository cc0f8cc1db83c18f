package cmdline

import (
	"fmt"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
)

// integer is the value of a flag. That of kingpin accepts fractions.
type integer int

// Set implements kingpin.Value.
func (i *integer) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("expected an integer, found %q", text)
	}

	*i = integer(n)

	return nil
}

// String implements kingpin.Value.
func (i *integer) String() string { return strconv.Itoa(int(*i)) }

// IntegerVar sets the type of a flag to integers, which are stored in n.
func IntegerVar(flag *kingpin.FlagClause, n *int) { flag.SetValue((*integer)(n)) }
