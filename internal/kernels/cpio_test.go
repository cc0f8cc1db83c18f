package main

import (
	"bytes"
	"errors"
	"io"
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

func TestArchiveErrorsStick(t *testing.T) {
	read, write := io.Pipe()
	broken := errors.New("broken")
	go func() {
		_, _ = io.CopyN(io.Discard, read, 200)
		_ = read.CloseWithError(broken)
	}()
	if err := fill(&archive{w: write}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}
