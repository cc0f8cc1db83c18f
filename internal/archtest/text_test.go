package archtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTextNamesNoMachine looks for absolute paths into the trees that only a
// developer's machine has, in every file that git tracks.
func TestTextNamesNoMachine(t *testing.T) {
	machinePath := regexp.MustCompile(`(^|[^A-Za-z0-9])/(work|farm)/[^\s]*`)

	for _, file := range trackedFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, but the removal is not yet committed
		} else if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := machinePath.FindString(line); m != "" {
				t.Errorf("%s:%d names %q", file, i+1, m)
			}
		}
	}
}

func trackedFiles(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("not in git: %v", err)
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	if len(files) == 0 {
		t.Skip("git tracks no files here")
	}

	return files
}
