package health

import (
	"reflect"
	"runtime/debug"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/window"
)

func TestSizes(t *testing.T) {
	if got := reflect.TypeFor[connection]().Size(); got != connectionBytes {
		t.Errorf("a connection has %d bytes, the constant says %d", got, connectionBytes)
	}

	if got := reflect.TypeFor[window.Sample]().Size(); got != window.SampleBytes {
		t.Errorf("a sample has %d bytes, the constant says %d", got, window.SampleBytes)
	}

	if got := reflect.TypeFor[resting]().Size(); got != restingBytes {
		t.Errorf("a connection at rest has %d bytes, the constant says %d", got, restingBytes)
	}
}

func TestNoPointers(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[connection](), reflect.TypeFor[window.Sample](), reflect.TypeFor[export.Candidate]()} {
		if path := pointerIn(typ); path != "" {
			t.Errorf("%v holds a pointer: %s", typ, path)
		}
	}

	// The test of the test.
	if pointerIn(reflect.TypeFor[[2]struct{ A struct{ S string } }]()) != "[].A.S*" {
		t.Error("a string in a struct in an array went unseen")
	}
}

// pointerIn returns the way to the first pointer in a type, empty for none.
func pointerIn(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Array:
		if path := pointerIn(t.Elem()); path != "" {
			return "[]" + path
		}

		return ""
	case reflect.Struct:
		for f := range t.Fields() {
			if path := pointerIn(f.Type); path != "" {
				return "." + f.Name + path
			}
		}

		return ""
	default:
		if t.Kind() <= reflect.Complex128 && t.Kind() != reflect.Uintptr {
			return ""
		}

		return "*"
	}
}

// TestSteadyTickAllocatesNothingPerConnection compares ticks over a few and
// over many connections, idle or unhealthy, shown or not, in a table with and
// without room.
func TestSteadyTickAllocatesNothingPerConnection(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))

	tickOf := func(n, unhealthy int, cfg Config) float64 {
		tracker := NewTracker(cfg, func(*Snapshot) {})
		sockets := population(t, n, unhealthy)
		now := start
		tick := func() {
			feed(tracker, now, sockets)
			now = now.Add(time.Second)
		}

		for range 100 {
			tick()
		}

		return testing.AllocsPerRun(50, tick)
	}

	for _, tc := range []struct {
		name      string
		unhealthy int // of ten
		cfg       Config
	}{
		{"idle", 0, Config{}},
		{"shown", 0, Config{Export: export.Config{Max: 50}}},
		{"unhealthy", 5, Config{Export: export.Config{Max: 50, Hold: time.Hour}}},
	} {
		few, many := tickOf(100, 10*tc.unhealthy, tc.cfg), tickOf(1000, 100*tc.unhealthy, tc.cfg)
		if few != many || many > 12 {
			t.Errorf("%s: %v allocations for 100 connections, %v for 1000", tc.name, few, many)
		}
	}
}
