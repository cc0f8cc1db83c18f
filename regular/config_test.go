package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestUnchanged: a file that was modified or replaced while it was read counts as changed.
func TestUnchanged(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "path"), filepath.Join(dir, "other")
	at := time.Unix(1_700_000_000, 0)
	stat := func(path, text string, at time.Time) fs.FileInfo {
		t.Helper()

		err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at))

		info, statErr := os.Stat(path)
		if err = errors.Join(err, statErr); err != nil {
			t.Fatal(err)
		}

		return info
	}

	before := stat(path, "text", at)
	for name, after := range map[string]fs.FileInfo{
		"same":    stat(path, "text", at),
		"size":    stat(path, "text text", at),
		"time":    stat(path, "text", at.Add(time.Nanosecond)),
		"another": stat(other, "text", at),
	} {
		if got := unchanged(before, after); got != (name == "same") {
			t.Errorf("%s: unchanged %t", name, got)
		}
	}
}
