package v1

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestSceneRoundTrip reads a whole answer into the types, without a field that they do not
// know, and writes it again.
func TestSceneRoundTrip(t *testing.T) {
	text, err := os.ReadFile("../../app/testdata/scene_connections.json")
	if err != nil {
		t.Fatal(err)
	}

	var c ConnectionList

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

	if n := c.Connections[0].Trend.WindowSamples; n < 1 {
		t.Errorf("%v samples in the window", n)
	}
}
