package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// fill adds entries of every kind, with contents that need filling up and one that needs none.
func fill(a *archive) error {
	a.directory("modules")
	a.file("modules/x.ko", 0o644, []byte("abcde"))
	a.file("init", 0o755, []byte("1234"))
	return a.close()
}

// TestArchive compares with what GNU cpio writes, but for the numbers that do not matter to the kernel. A bar stands
// for a zero byte, a space for nothing.
func TestArchive(t *testing.T) {
	want := strings.NewReplacer(" ", "", "\n", "", "\t", "", "|", "\x00").Replace(`
		070701 00000001 000041ed 00000000 00000000 00000001 00000000 00000000
		00000000 00000000 00000000 00000000 00000008 00000000 modules| ||
		070701 00000002 000081a4 00000000 00000000 00000001 00000000 00000005
		00000000 00000000 00000000 00000000 0000000d 00000000 modules/x.ko| | abcde |||
		070701 00000003 000081ed 00000000 00000000 00000001 00000000 00000004
		00000000 00000000 00000000 00000000 00000005 00000000 init| | 1234
		070701 00000004 00000000 00000000 00000000 00000001 00000000 00000000
		00000000 00000000 00000000 00000000 0000000b 00000000 TRAILER!!!| |||`)

	var got bytes.Buffer
	if err := fill(&archive{w: &got}); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("the archive is\n%q, want\n%q", got.String(), want)
	}
}

// hiccup is a writer that fails once, the second time.
type hiccup struct{ writes int }

var errHiccup = errors.New("hiccup")

func (h *hiccup) Write(data []byte) (int, error) {
	if h.writes++; h.writes == 2 {
		return 0, errHiccup
	}
	return len(data), nil
}

func TestArchiveErrorsStick(t *testing.T) {
	if err := fill(&archive{w: &hiccup{}}); !errors.Is(err, errHiccup) {
		t.Errorf("got %v, want %v", err, errHiccup)
	}
}
