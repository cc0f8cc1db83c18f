package owner

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseProcess(t *testing.T) {
	for text, want := range map[string]string{
		// cgroup v2 only.
		"0::/system.slice/nginx.service\n": "/system.slice/nginx.service",
		"0::/":                             "/",
		"0::/../../docker/" + id1 + "\n":   "/../../docker/" + id1,
		"0::/a.service (deleted)\n":        "/a.service",
		"0::/a:b.service\n":                "/a:b.service",
		// v1, and both.
		"3:pids:/docker/a\n2:cpu,cpuacct:/docker/b\n1:name=systemd:/docker/c\n": "/docker/c",
		"3:pids:/docker/a\n2:cpu,cpuacct:/docker/b\n1:name=systemd:/\n":         "/docker/a",
		"4:memory:/docker/d\n2:cpu,cpuacct:/docker/b\n":                         "/docker/d",
		"3:pids:/\n2:cpu,cpuacct:/docker/b\n":                                   "/docker/b",
		"2:cpuacct,cpu:/docker/b\n":                                             "/docker/b",
		"3:pids:/\n2:freezer:/docker/b\n1:name=openrc:/sshd\n":                  "/",
		"1:name=systemd:/a.service\n0::/b.service\n":                            "/b.service",
		"1:name=systemd:/a.service\n0::/\n":                                     "/a.service",
		// No cgroups.
		"":                        "",
		"\n":                      "",
		"0::":                     "",
		"0::relative":             "",
		"cgroup":                  "",
		"::/a":                    "",
		"-1:pids:/a":              "",
		"3:pids:/docker/a\nx:/\n": "/docker/a",
	} {
		if got, ok := ParseProcess(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, ok, want)
		}
	}
}

// procfs stands for a mount of procfs.
type procfs struct{ engineFiles }

func (p *procfs) add(pid, text string) {
	p.t.Helper()
	p.write(pid+"/cgroup", text)
}

// TestOfProcess: an answer is read in the background, has the names of containers, and is read
// again when it is old.
func TestOfProcess(t *testing.T) {
	proc, files := &procfs{engineFiles{t, t.TempDir()}}, &engineFiles{t, t.TempDir()}
	proc.add("7", "1:name=systemd:/docker/"+id1+"\n")
	proc.add("8", "1:name=systemd:/\n")
	files.docker(id1, "web")

	owners := NewOwners(NewCgroups(t.TempDir()), Paths{Root: files.root, Proc: proc.root})

	for _, pid := range []int{7, 8, 9} {
		if got, final := owners.OfProcess(pid); got != nil || final {
			t.Errorf("process %d is read by a look-up: %+v, final %v", pid, got, final)
		}
	}

	now := time.Now()
	owners.processes.update(now)

	web := Owner{ContainerID: id1, Runtime: "docker", Container: "web", Workload: "web"}
	if got, final := owners.OfProcess(7); got == nil || *got != web || !final {
		t.Errorf("%+v, final %v", got, final)
	}

	for _, pid := range []int{8, 9} {
		if got, final := owners.OfProcess(pid); got != nil || !final {
			t.Errorf("process %d: %+v, final %v", pid, got, final)
		}
	}

	later := now.Add(answerAge)
	if path, known := owners.processes.of(7, later); known {
		t.Errorf("%q is known after %v", path, answerAge)
	}

	proc.add("7", "0::/a.service\n")
	owners.processes.update(later)

	if path, known := owners.processes.of(7, later); path != "/a.service" || !known || len(owners.processes.answers) != 1 {
		t.Errorf("%q, known %v, with %d answers", path, known, len(owners.processes.answers))
	}
}

// TestProcessesAreBounded: numbers of processes that do not exist cannot fill the memory.
func TestProcessesAreBounded(t *testing.T) {
	p := newProcesses(t.TempDir())
	for pid := range 3 * maxUnknown {
		p.of(pid, time.Now())
	}

	if len(p.asked) > maxUnknown {
		t.Errorf("%d processes asked", len(p.asked))
	}
}

// TestOfProcessLive: the cgroup of this process is that in its own file.
func TestOfProcessLive(t *testing.T) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}

	p := newProcesses("/proc")
	go p.run(t.Context())

	want, _ := ParseProcess(string(text))

	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if path, known := p.of(os.Getpid(), time.Now()); known {
			if path != want {
				t.Errorf("%q, want %q", path, want)
			}

			return
		}

		if time.Now().After(deadline) {
			t.Fatal("no answer")
		}
	}
}

// FuzzParseProcess: a path is absolute and on one line of the text.
func FuzzParseProcess(f *testing.F) {
	f.Add("3:pids:/docker/a\n2:cpu,cpuacct:/docker/b\n1:name=systemd:/docker/c\n0::/ (deleted)\n")
	f.Add("0::/\n")

	f.Fuzz(func(t *testing.T, text string) {
		path, ok := ParseProcess(text)
		if ok != strings.HasPrefix(path, "/") || !strings.Contains(text, path) || strings.Contains(path, "\n") {
			t.Errorf("%q, %v", path, ok)
		}
	})
}
