package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// emulatorHead begins a program that stands in for QEMU, which has the same arguments: $exchange becomes the directory that is shared
// with the machine.
const emulatorHead = `#!/bin/sh
for arg; do
  case $arg in local,id=write0,path=*) exchange=${arg#*path=} exchange=${exchange%%,*} ;; esac
done
`

func TestRun(t *testing.T) {
	tests := []struct {
		name     string
		emulator string // What it does.
		flags    []string
		status   int
		stdout   string
		stderr   string
	}{
		{"passes", `echo output >/dev/fd/3; printf 0 >"$exchange/status"`, nil, 0, "output\n", ""},
		{"fails", `printf 'a\000b' >/dev/fd/3; printf 7 >"$exchange/status"`, nil, 7, "a\x00b", ""},
		{"ends badly with a status", `printf 0 >"$exchange/status"; exit 1`, nil, 0, "", ""},
		{"is quiet", `echo message; printf 0 >"$exchange/status"`, nil, 0, "", ""},
		{"shows its console", `echo message; printf 0 >"$exchange/status"`, []string{"-console"}, 0, "", "message"},
		{"panics", `echo output >/dev/fd/3; echo Kernel panic`, nil, statusBroken, "output\n", "without a status: it panicked or turned itself off\nKernel panic"},
		{"does not start", `echo no such accelerator >&2; exit 1`, nil, statusBroken, "", "no such accelerator"},
		{"has no status", `echo >"$exchange/status"`, nil, statusBroken, "", "6.1.0-99-amd64 ended without a status"},
		{"hangs", `exec sleep 60`, []string{"-limit", "100ms"}, statusBroken, "", "it took more than 100ms"},
		{"is missing", "", nil, statusBroken, "", "apt-get install qemu-system-x86"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			if tt.emulator == "" {
				t.Setenv("PATH", path)
			} else {
				t.Setenv("PATH", path+":"+os.Getenv("PATH"))
				put(t, filepath.Join(path, qemu), emulatorHead+tt.emulator+"\n")
			}
			t.Setenv("TMPDIR", t.TempDir())
			var stdout, stderr bytes.Buffer
			args := append(tt.flags, "-kernel", layKernel(t, "6.1.0-99-amd64"), "command")
			if got := run(args, &stdout, &stderr); got != tt.status {
				t.Errorf("the status is %d, want %d", got, tt.status)
			}
			if stdout.String() != tt.stdout {
				t.Errorf("the output is %q, want %q", &stdout, tt.stdout)
			}
			if (tt.stderr == "") != (stderr.Len() == 0) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("the messages are %q, want %q", &stderr, tt.stderr)
			}
			if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
				t.Errorf("%v is left, %v", left, err)
			}
		})
	}
}

func TestRunUsage(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"help", []string{"-help"}, 0, "usage: kernels -kernel DIR"},
		{"no kernel", []string{"command"}, statusBroken, "a kernel and a command are needed"},
		{"no command", []string{"-kernel", "."}, statusBroken, "a kernel and a command are needed"},
		{"unknown flag", []string{"-unknown"}, statusBroken, "not defined: -unknown"},
		{"nothing in the kernel's directory", []string{"-kernel", ".", "command"}, statusBroken, "modules of 0 kernels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(tt.args, &stdout, &stderr); got != tt.status {
				t.Errorf("the status is %d, want %d", got, tt.status)
			}
			if !strings.Contains(stderr.String(), tt.stderr) || stdout.Len() > 0 {
				t.Errorf("the messages are %q, want %q", &stderr, tt.stderr)
			}
		})
	}
}

// TestParse looks at the command's own flags, which are not ours.
func TestParse(t *testing.T) {
	o, err := parse([]string{"-kernel", "k", "-write", "/a", "-write", "b", "x.test", "-test.v", "-kernel", "y"}, &bytes.Buffer{})
	requireError(t, err, "")
	here, err := os.Getwd()
	requireError(t, err, "")
	if want := []string{"x.test", "-test.v", "-kernel", "y"}; o.kernel != "k" || !slices.Equal(o.command, want) {
		t.Errorf("got %+v, want kernel k and command %q", o, want)
	}
	if want := []string{"/a", here + "/b"}; !slices.Equal(o.write, want) {
		t.Errorf("writable are %q, want %q", o.write, want)
	}
}

// TestMachineArgs checks that nothing but the directories named can be written to, whatever their names.
func TestMachineArgs(t *testing.T) {
	args := machineArgs(options{accel: "tcg"}, kernel{image: "/k"}, "/i", []string{"/a", "/b,readonly=on"})
	var shares []string
	for i, arg := range args[1:] {
		if args[i] == "-fsdev" {
			shares = append(shares, arg)
		}
	}
	want := []string{
		"local,id=root,path=/,security_model=none,multidevs=remap,readonly=on",
		"local,id=write0,path=/a,security_model=none,multidevs=remap",
		"local,id=write1,path=/b,,readonly=on,security_model=none,multidevs=remap",
	}
	if !slices.Equal(shares, want) {
		t.Errorf("shared are %q, want %q", shares, want)
	}
}
