package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/health"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// testEnv knows a few names.
var testEnv = bytecode.Env{
	Service:   func(name string) (uint16, bool) { return 443, name == "https" },
	Interface: func(name string) (uint32, bool) { return 2, name == "eth0" },
	Cgroup:    func(path string) (uint64, bool) { return 42, path == "/system.slice/nginx.service" },
}

// parse reads a text that must be good.
func parse(tb testing.TB, text string) *Config {
	tb.Helper()

	c, err := Parse("test.yml", []byte(text), testEnv)
	if err != nil {
		tb.Fatal(err)
	}

	return c
}

// mistake reads a text that must be bad.
func mistake(tb testing.TB, name, text string) *Error {
	tb.Helper()

	c, err := Parse(name, []byte(text), testEnv)

	e, ok := errors.AsType[*Error](err)
	if !ok || c != nil {
		tb.Fatalf("%s: expected an Error, got %v, %v:\n%s", name, c, err, text)
	}

	return e
}

// TestErrorsGolden shows what is said about each mistake.
func TestErrorsGolden(t *testing.T) {
	var b strings.Builder

	paths, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil || len(paths) < 80 {
		t.Fatalf("%v, %d fixtures", err, len(paths))
	}

	for _, path := range paths {
		e := mistake(t, filepath.Base(path), readFile(t, path))
		checkError(t, e)
		fmt.Fprintln(&b, e)
	}

	compareGolden(t, "testdata/errors.golden", b.String())
}

// checkError holds an error to what is true of all.
func checkError(tb testing.TB, e *Error) {
	tb.Helper()

	if text := e.Error(); strings.ContainsAny(text, "\n\r") || e.Err == nil || (e.Line == 0) != (e.Column == 0) {
		tb.Errorf("bad error: %#v: %q", e, text)
	}
}

func TestTooManyProfiles(t *testing.T) {
	var b strings.Builder

	b.WriteString("profiles:\n  bulk: {}\n")

	for i := range health.MaxProfiles - 3 {
		fmt.Fprintf(&b, "  p%d: {}\n", i)
	}

	if c := parse(t, b.String()); len(c.Profiles) != health.MaxProfiles {
		t.Errorf("%d profiles", len(c.Profiles))
	}

	b.WriteString("  straw: {}\n")

	want := "too_many.yml:256:3: profiles.straw: expected at most 256 profiles, the built-in ones included"
	if got := mistake(t, "too_many.yml", b.String()).Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// compareGolden holds a text against a golden file, or rewrites that.
func compareGolden(t *testing.T, path, got string) {
	t.Helper()

	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	if got != readFile(t, path) {
		t.Errorf("%s is not what is said now; look at the difference after make golden", path)
	}
}

func readFile(tb testing.TB, path string) string {
	tb.Helper()

	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}

	return string(text)
}
