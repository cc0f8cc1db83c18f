package owner

import "testing"

func TestMatches(t *testing.T) {
	unit, container := &Owner{Unit: "nginx.service"}, &Owner{Container: "db"}
	pod := &Owner{Namespace: "shop", Pod: "web-1", Container: "nginx"}

	for _, tc := range []struct {
		owner *Owner
		globs []string
		want  bool
	}{
		{unit, []string{"nginx.service"}, true},
		{unit, []string{"sshd.service", "nginx.*"}, true},
		{unit, []string{"nginx"}, false},
		{unit, nil, false},
		{unit, []string{"*"}, true},
		{container, []string{"d?"}, true},
		{pod, []string{"shop"}, true},
		{pod, []string{"shop/web-*"}, true},
		{pod, []string{"nginx"}, true},
		{pod, []string{"web-1"}, false},
		{&Owner{}, []string{"*"}, false},
		{&Owner{PodUID: uid}, []string{"*/*"}, false},
		{nil, []string{"*"}, false},
	} {
		if got := tc.owner.Matches(tc.globs); got != tc.want {
			t.Errorf("%+v, %q: %v", tc.owner, tc.globs, got)
		}
	}
}

func TestValidGlobs(t *testing.T) {
	if !ValidGlobs(nil) || !ValidGlobs([]string{"a*", "[ab]/?"}) {
		t.Error("valid patterns are refused")
	}

	for _, glob := range []string{"", "[", "a["} {
		if ValidGlobs([]string{"a", glob}) {
			t.Errorf("%q", glob)
		}
	}
}
