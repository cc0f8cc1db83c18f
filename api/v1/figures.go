package v1

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
)

// Figures is a JSON object of numbers and times by name, in their order. A server
// builds it member by member; a client reads it with [Figures.Number] or as raw JSON.
type Figures []byte

var errNoObject = errors.New("expected a JSON object")

// MarshalJSON implements [json.Marshaler].
func (f Figures) MarshalJSON() ([]byte, error) {
	if len(f) == 0 {
		return []byte("{}"), nil
	}

	return append(f, '}'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Figures) UnmarshalJSON(b []byte) error {
	object, isObject := bytes.CutSuffix(bytes.TrimSpace(b), []byte("}"))
	if !isObject || object[0] != '{' {
		return errNoObject
	}

	*f = bytes.Clone(object)
	if len(bytes.TrimSpace(object[1:])) == 0 {
		*f = nil
	}

	return nil
}

// Number returns a figure, and reports whether it is there and a number.
func (f Figures) Number(name string) (v float64, known bool) {
	var all map[string]any

	raw, _ := f.MarshalJSON()
	if json.Unmarshal(raw, &all) != nil {
		return 0, false
	}

	v, known = all[name].(float64)

	return v, known
}

func (f *Figures) name(name string) {
	opening := byte(',')
	if len(*f) == 0 {
		opening = '{'
	}

	*f = append(append(append(*f, opening, '"'), name...), '"', ':')
}

// AddCount adds a whole number. The name needs no escapes.
func (f *Figures) AddCount(name string, v uint64) {
	f.name(name)
	*f = strconv.AppendUint(*f, v, 10)
}

// AddNumber adds a number, unless it is NaN or infinite. The name needs no escapes.
func (f *Figures) AddNumber(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}

	f.name(name)
	*f = strconv.AppendFloat(*f, v, 'f', -1, 64)
}

// AddTime adds a time. The name needs no escapes.
func (f *Figures) AddTime(name string, t time.Time) {
	f.name(name)
	*f = strconv.AppendQuote(*f, Timestamp(t))
}
