package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestContributingIsTrue fails for tests and files that CONTRIBUTING.md names and that do
// not exist.
func TestContributingIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}

	tests := make(map[string]bool)

	for dir, files := range goFiles(t) {
		for _, file := range files {
			src, err := os.ReadFile(filepath.Join(root, dir, filepath.Base(file)))
			if err != nil {
				t.Fatal(err)
			}

			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(string(src), -1) {
				tests[m[1]] = true
			}
		}
	}

	for _, name := range regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1) {
		if !tests[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}

	for _, name := range regexp.MustCompile("`([a-z]+/[a-z_/0-9]+\\.go)`").FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join(root, name[1])); err != nil {
			t.Error(err)
		}
	}

	if len(tests) < 100 || !strings.Contains(string(text), "## Recipes") {
		t.Errorf("%d tests found", len(tests))
	}
}
