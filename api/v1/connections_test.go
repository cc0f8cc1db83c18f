package v1

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestRoundTrip reads a whole answer into the types, without a field that they do not
// know, and writes it again.
func TestRoundTrip(t *testing.T) {
	text, err := os.ReadFile("../../app/testdata/scene_connections.json")
	if err != nil {
		t.Fatal(err)
	}

	var c Connections

	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()

	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}

	if len(c.Connections) == 0 || c.Total != len(c.Connections) {
		t.Fatalf("%d connections of %d", len(c.Connections), c.Total)
	}

	written, err := json.Marshal(&c)
	if err != nil {
		t.Fatal(err)
	}

	var before, after any
	if err := json.Unmarshal(text, &before); err != nil {
		t.Fatal(err)
	}

	if err := json.Unmarshal(written, &after); err != nil {
		t.Fatal(err)
	}

	if !reflect.DeepEqual(before, after) {
		t.Error("what was read is written differently")
	}

	if v, known := c.Connections[0].Trend.Number("window_samples"); !known || v < 1 {
		t.Errorf("%v samples in the window, known %v", v, known)
	}
}

func TestFigures(t *testing.T) {
	var f Figures

	if b, err := json.Marshal(f); err != nil || string(b) != "{}" {
		t.Errorf("empty: %s, %v", b, err)
	}

	f.AddCount("n", 18_446_744_073_709_551_615)
	f.AddNumber("x", 0.25)
	f.AddTime("at", time.Unix(0, 0))

	const want = `{"n":18446744073709551615,"x":0.25,"at":"1970-01-01T00:00:00.000Z"}`
	if b, err := json.Marshal(f); err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}

	for text, want := range map[string]bool{`{}`: true, ` {"a": 1} `: true, `[]`: false, `1`: false, `"}"`: false} {
		var f Figures
		if err := json.Unmarshal([]byte(text), &f); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}

	if _, known := f.Number("at"); known {
		t.Error("a time is a number")
	}
}
