package v1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// Fields is a JSON object of numbers, which keep their order and all their digits. A
// field that is not known is absent: absent is not zero.
type Fields struct {
	text []byte // the object without spaces, empty for none
}

// NewFields returns an empty object with room for a text of so many bytes.
func NewFields(size int) Fields { return Fields{make([]byte, 0, size)} }

// AddCount adds a whole number. Names are of letters, digits and underscores.
func (f *Fields) AddCount(name string, v uint64) {
	f.name(name)
	f.text = append(strconv.AppendUint(f.text, v, 10), '}')
}

// AddNumber adds a number, unless it is NaN or infinite.
func (f *Fields) AddNumber(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}

	f.name(name)
	f.text = append(strconv.AppendFloat(f.text, v, 'f', -1, 64), '}')
}

// name begins a member.
func (f *Fields) name(name string) {
	if len(f.text) == 0 {
		f.text = append(f.text, '{')
	} else {
		f.text[len(f.text)-1] = ','
	}

	f.text = append(append(append(f.text, '"'), name...), '"', ':')
}

// Get returns a number, and reports whether there is one of that name.
func (f Fields) Get(name string) (value float64, ok bool) {
	_, rest, ok := bytes.Cut(f.text, []byte(`"`+name+`":`))
	if !ok {
		return 0, false
	}

	return parseNumber(rest[:bytes.IndexAny(rest, ",}")]), true
}

// All returns the names and numbers in their order.
func (f Fields) All() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for member := range bytes.FieldsFuncSeq(f.text, func(r rune) bool { return strings.ContainsRune("{,}", r) }) {
			name, value, _ := bytes.Cut(member, []byte(":"))
			if !yield(string(bytes.Trim(name, `"`)), parseNumber(value)) {
				return
			}
		}
	}
}

// parseNumber parses a JSON number.
func parseNumber(text []byte) float64 {
	v, _ := strconv.ParseFloat(string(text), 64) // infinite beyond the range

	return v
}

// IsZero reports whether there is no field.
func (f Fields) IsZero() bool { return len(f.text) == 0 }

// MarshalJSON implements [json.Marshaler].
func (f Fields) MarshalJSON() ([]byte, error) {
	if f.IsZero() {
		return []byte("{}"), nil
	}

	return f.text, nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Fields) UnmarshalJSON(text []byte) error {
	*f = NewFields(len(text))

	return eachMember(text, f.addRaw)
}

// addRaw adds a number as it is written.
func (f *Fields) addRaw(name string, value json.RawMessage) error {
	if strings.ContainsAny(name, `"\{,}:`) || !strings.ContainsAny(string(value[:1]), "-0123456789") {
		return fmt.Errorf("field %q: expected a number, found %s", name, value)
	}

	f.name(name)
	f.text = append(append(f.text, value...), '}')

	return nil
}

// eachMember calls a function for each member of a JSON object, none for null.
func eachMember(text []byte, member func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(text))

	opening, err := d.Token()
	if err != nil || opening == nil {
		return err
	}

	if opening != json.Delim('{') {
		return fmt.Errorf("expected an object, found %s", text)
	}

	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}

		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}

		if err := member(name.(string), value); err != nil {
			return err
		}
	}

	return nil
}
