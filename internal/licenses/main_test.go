package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestList: the error names modules with no permissive license.
func TestList(t *testing.T) {
	module := func(name string, licenses ...string) string {
		var all []string
		for _, id := range licenses {
			all = append(all, fmt.Sprintf(`{"license": {"id": %q}}`, id))
		}

		return fmt.Sprintf(`{"name": %q, "version": "v1.0.0", "evidence": {"licenses": [%s]}}`, name, strings.Join(all, ","))
	}

	for _, tc := range []struct {
		modules   []string
		out, want string
	}{
		{[]string{module("std"), module("a", "MIT"), module("long/name", "Apache-2.0", "GPL-2.0-only")}, "a          v1.0.0  MIT\nlong/name  v1.0.0  Apache-2.0, GPL-2.0-only\n", "<nil>"},
		{[]string{module("a", "MIT"), module("b", "AGPL-3.0-only"), module("c")}, "", "no permissive license: b, c"},
		{nil, "", "no modules in the bill of materials"},
	} {
		var out strings.Builder

		err := list(strings.NewReader(`{"components": [`+strings.Join(tc.modules, ",")+`]}`), &out)
		if fmt.Sprint(err) != tc.want || tc.out != "" && out.String() != tc.out {
			t.Errorf("%v: error %v, output\n%s", tc.modules, err, &out)
		}
	}

	if err := list(strings.NewReader("nonsense"), new(strings.Builder)); err == nil {
		t.Error("nonsense is accepted")
	}
}
