package v1

import "time"

// Time is RFC 3339 with milliseconds and in UTC in JSON.
type Time struct{ time.Time }

const layout = "2006-01-02T15:04:05.000Z07:00"

// String returns the time as in JSON.
func (t Time) String() string { return t.UTC().Format(layout) }

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	return append(t.UTC().AppendFormat(append(make([]byte, 0, len(layout)+2), '"'), layout), '"'), nil
}
