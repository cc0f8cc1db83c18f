package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

// entries reads an archive back: the names in their order, and the contents.
func entries(t *testing.T, data []byte) (names []string, contents map[string][]byte) {
	t.Helper()
	const header, sizeAt, nameSizeAt = 110, 54, 94
	number := func(at int) int {
		n, err := strconv.ParseUint(string(data[at:at+8]), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	aligned := func(n int) int { return (n + 3) &^ 3 }
	contents = make(map[string][]byte)
	for len(data) > 0 {
		size, nameSize := number(sizeAt), number(nameSizeAt)
		name := string(data[header : header+nameSize-1])
		start := aligned(header + nameSize)
		names = append(names, name)
		contents[name] = data[start : start+size]
		data = data[start+aligned(size):]
	}
	return names, contents
}

func TestWriteInitramfs(t *testing.T) {
	k, err := openKernel(layKernel(t, "6.1.0-99-amd64"))
	requireError(t, err, "")
	self := filepath.Join(t.TempDir(), "kernels")
	put(t, self, "the program")
	want := job{
		Modules: "/m", Writable: []string{"/w"}, Args: []string{"a b", "\x00\n"}, Dir: "/d", Env: []string{"A=\"b\""}, Status: "/w/s",
	}
	var archive bytes.Buffer
	requireError(t, writeInitramfs(&archive, self, k, want), "")

	names, contents := entries(t, archive.Bytes())
	wantNames := []string{"root", "modules"}
	for _, module := range bootModuleTable {
		file := "/modules/" + module + ".ko"
		want.Load = append(want.Load, file)
		wantNames = append(wantNames, file[1:])
		if got := string(contents[file[1:]]); got != "module "+module {
			t.Errorf("%s holds %q", file, got)
		}
	}
	if wantNames = append(wantNames, "job.json", "init", trailer); !slices.Equal(names, wantNames) {
		t.Errorf("the entries are %q, want %q", names, wantNames)
	}
	if got := string(contents["init"]); got != "the program" {
		t.Errorf("init holds %q", got)
	}
	var got job
	requireError(t, json.Unmarshal(contents["job.json"], &got), "")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the job is %+v, want %+v", got, want)
	}
}

func TestWriteInitramfsWithoutModules(t *testing.T) {
	dir := layKernel(t, "6.1.0-99-amd64")
	k, err := openKernel(dir)
	requireError(t, err, "")
	put(t, filepath.Join(k.modules, "modules.dep"), "")
	err = writeInitramfs(&bytes.Buffer{}, filepath.Join(dir, "boot/vmlinuz-6.1.0-99-amd64"), k, job{})
	requireError(t, err, `finding the modules of 6.1.0-99-amd64: the kernel has no module "virtio_pci"`)
}
