package v1

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

// marshaled returns a value as JSON.
func marshaled(t *testing.T, v any) string {
	t.Helper()

	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

func TestTimeIsUTCWithMilliseconds(t *testing.T) {
	at := Time{time.Date(2026, time.November, 22, 13, 0, 0, 310_999_999, time.FixedZone("", 3600))}

	const want = `"2026-11-22T12:00:00.310Z"`
	if got := marshaled(t, at); got != want {
		t.Errorf("%s, want %s", got, want)
	}

	var back Time
	if err := json.Unmarshal([]byte(want), &back); err != nil || !back.Equal(at.Truncate(time.Millisecond)) {
		t.Errorf("%v, %v", back, err)
	}

	if got := at.String(); `"`+got+`"` != want {
		t.Errorf("string %s", got)
	}
}

func TestFields(t *testing.T) {
	f := NewFields(0)
	f.AddCount("bytes_sent", math.MaxUint64)
	f.AddNumber("rtt_seconds", 1e-7)
	f.AddNumber("nothing", math.NaN())
	f.AddNumber("too_much", math.Inf(1))
	f.AddNumber("sent", -2.5)

	const want = `{"bytes_sent":18446744073709551615,"rtt_seconds":0.0000001,"sent":-2.5}`
	if got := marshaled(t, f); got != want {
		t.Errorf("%s, want %s", got, want)
	}

	var back Fields
	if err := json.Unmarshal([]byte(` { "bytes_sent" : 18446744073709551615 , "rtt_seconds" : 0.0000001, "sent": -2.5 } `), &back); err != nil {
		t.Fatal(err)
	}

	if got := marshaled(t, back); got != want {
		t.Errorf("%s after a round trip, want %s", got, want)
	}

	for name, want := range map[string]float64{"bytes_sent": math.MaxUint64, "rtt_seconds": 1e-7, "sent": -2.5} {
		if got, ok := back.Get(name); got != want || !ok {
			t.Errorf("%s is %v, %t, want %v", name, got, ok, want)
		}
	}

	for _, name := range []string{"", "rtt", "seconds", "nothing"} {
		if got, ok := back.Get(name); ok {
			t.Errorf("%q is %v", name, got)
		}
	}

	var names []string
	for name, v := range back.All() {
		if got, _ := back.Get(name); got != v {
			t.Errorf("%s is %v and %v", name, got, v)
		}

		names = append(names, name)
	}

	if len(names) != 3 || names[0] != "bytes_sent" || names[2] != "sent" {
		t.Errorf("names %q", names)
	}
}

func TestNoFields(t *testing.T) {
	for _, text := range []string{"{}", "null"} {
		var f Fields
		if err := json.Unmarshal([]byte(text), &f); err != nil || !f.IsZero() || marshaled(t, f) != "{}" {
			t.Errorf("%s: %v, %v", text, f, err)
		}
	}
}

func TestFieldsAreNumbers(t *testing.T) {
	for _, text := range []string{
		`[]`, `1`, `{"a":"1"}`, `{"a":true}`, `{"a":null}`, `{"a":{}}`, `{"a":[1]}`, `{"a\"b":1}`, `{"a,b":1}`, `{"a":1`,
	} {
		var f Fields
		if err := json.Unmarshal([]byte(text), &f); err == nil {
			t.Errorf("%s is accepted as %s", text, marshaled(t, f))
		}
	}
}

// TestUnknownIsAbsent: a value of a trend that is not known is neither zero nor null.
func TestUnknownIsAbsent(t *testing.T) {
	var trend Trend
	if err := json.Unmarshal([]byte(`{"loss_ratio":0,"of_a_later_version":1,"send_queue_direction":-1}`), &trend); err != nil {
		t.Fatal(err)
	}

	if trend.Loss != 0 || trend.SendQueue.Direction != -1 || !math.IsNaN(trend.Jitter) || !math.IsNaN(trend.ReceiveQueue.Velocity) {
		t.Errorf("%+v", trend)
	}

	if got, want := marshaled(t, trend), `{"send_queue_direction":-1,"loss_ratio":0}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSample(t *testing.T) {
	for _, text := range []string{
		`{"at":"2026-11-22T12:00:00.310Z","send_queue_bytes":1,"receive_queue_bytes":2}`,
		`{"at":"2026-11-22T12:00:00.310Z","send_queue_bytes":1,"receive_queue_bytes":2,"bytes_sent":3,"busy_time_seconds":0.004}`,
	} {
		var s Sample
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.SendQueue != 1 || s.ReceiveQueue != 2 {
			t.Errorf("%+v, %v", s, err)
		}

		if got := marshaled(t, s); got != text {
			t.Errorf("%s, want %s", got, text)
		}
	}
}
