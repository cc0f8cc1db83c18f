package api

import (
	"math"
	"strconv"
	"time"
)

// figures is a JSON object that is built member by member. The names need no
// escapes.
type figures []byte

// MarshalJSON implements [json.Marshaler].
func (f figures) MarshalJSON() ([]byte, error) {
	if len(f) == 0 {
		return []byte("{}"), nil
	}

	return append(f, '}'), nil
}

func (f *figures) name(name string) {
	opening := byte(',')
	if len(*f) == 0 {
		opening = '{'
	}

	*f = append(append(append(*f, opening, '"'), name...), '"', ':')
}

// count adds a whole number.
func (f *figures) count(name string, v uint64) {
	f.name(name)
	*f = strconv.AppendUint(*f, v, 10)
}

// number adds a number; what is none is left out.
func (f *figures) number(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}

	f.name(name)
	*f = strconv.AppendFloat(*f, v, 'f', -1, 64)
}

// time adds a time.
func (f *figures) time(name string, t time.Time) {
	f.name(name)
	*f = strconv.AppendQuote(*f, timestamp(t))
}
