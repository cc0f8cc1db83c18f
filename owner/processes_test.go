package owner

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
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

// TestOfProcesses: the owner of processes is what their cgroups have in common, with the
// names of containers. Of a pod it is the container whose name is known: the other one
// only holds the namespaces.
func TestOfProcesses(t *testing.T) {
	const pod = "/kubepods/pod" + uid + "/"

	proc, files, links := &procfs{engineFiles{t, t.TempDir()}}, &engineFiles{t, t.TempDir()}, t.TempDir()
	proc.add("1", "1:name=systemd:/docker/"+id1+"\n")
	proc.add("2", "1:name=systemd:/docker/"+id2+"\n")
	proc.add("3", "1:name=systemd:/\n")
	proc.add("4", "0::"+pod+id1+"\n")
	proc.add("5", "0::"+pod+id2+"\n")
	proc.add("6", "0::"+pod+strings.Repeat("3", idDigits)+"\n")
	files.docker(id1, "web")

	if err := os.Symlink("/nowhere", filepath.Join(links, "web-1_shop_nginx-"+id2+".log")); err != nil {
		t.Fatal(err)
	}

	web := Owner{ContainerID: id1, Runtime: "docker", Container: "web", Workload: "web"}
	nginx := Owner{PodUID: uid, ContainerID: id2, Namespace: "shop", Pod: "web-1", Workload: "web", Container: "nginx"}
	owners := NewOwners(NewCgroups(t.TempDir()), Paths{Links: links, Root: files.root, Proc: proc.root})

	for _, tc := range []struct {
		pids []int
		want *Owner
	}{
		{[]int{1}, &web},
		{[]int{1, 1, 9}, &web},
		{[]int{3}, nil},
		{[]int{1, 3}, &web},
		{[]int{1, 2}, nil},
		{[]int{4, 5}, &nginx},
		{[]int{4, 6}, &Owner{PodUID: uid}},
		{[]int{1, 5}, nil},
	} {
		id := owners.OfProcesses(tc.pids)
		if id == 0 || IsCgroup(id) || id != owners.OfProcesses(tc.pids) {
			t.Errorf("%v: id %x, then %x", tc.pids, id, owners.OfProcesses(tc.pids))
		}

		got, _ := owners.Of(id)
		if (got == nil) != (tc.want == nil) || got != nil && *got != *tc.want {
			t.Errorf("%v: %+v, want %+v", tc.pids, got, tc.want)
		}

		if again, _ := owners.Of(id); again != got {
			t.Errorf("%v: another owner the second time", tc.pids)
		}
	}

	if id := owners.OfProcesses([]int{9}); id != 0 {
		t.Errorf("a process that does not exist has the id %x", id)
	}
}

// TestProcessesAreBounded: of many cgroups, the oldest are forgotten.
func TestProcessesAreBounded(t *testing.T) {
	p := newProcesses(t.TempDir())

	var first, last uint64

	for n := range maxOwners + 2 {
		last = p.number([]string{"/a", strconv.Itoa(n)})
		if n == 0 {
			first = last
		}
	}

	if len(p.claims) != maxOwners || len(p.ids) != maxOwners || p.claims[first] != nil || p.claims[last] == nil {
		t.Errorf("%d ids, the first one %v, the last one %v", len(p.claims), p.claims[first], p.claims[last])
	}

	if again := p.number([]string{"/a", "0"}); again == first {
		t.Error("an id that was forgotten is used again")
	}
}

// TestOfProcessesLive: the cgroup of this process is that in its own file.
func TestOfProcessesLive(t *testing.T) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}

	p := newProcesses("/proc")
	want, _ := ParseProcess(string(text))

	if got := p.read([]int{os.Getpid()}); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
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
