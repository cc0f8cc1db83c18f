package owner

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestParseDocker(t *testing.T) {
	for text, want := range map[string]string{
		`{"ID":"` + id1 + `","Name":"/web","Config":{"Env":["A=b"],"Name":"/no"}}`: "web",
		`{"Name":"/shop-web-1"}`: "shop-web-1",
		`{"Name":"web"}`:         "web",
		`{"Name":""}`:            "",
		`{"Name":"/"}`:           "",
		`{"Name":"/a b"}`:        "",
		`{"Name":"/a\u0000"}`:    "",
		`{"Name":["/web"]}`:      "",
		`{"Name":"/web"`:         "",
		`[]`:                     "",
		``:                       "",
		`{"Name":"/` + strings.Repeat("a", 256) + `"}`: "",
	} {
		if got := parseDocker([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestParsePodman(t *testing.T) {
	for text, want := range map[string]map[string]string{
		`[{"id":"` + id1 + `","names":["web","alias"],"image":"x"},{"id":"` + id2 + `","names":["db"]}]`: {id1: "web", id2: "db"},
		`[{"id":"` + id1 + `"},{"id":"short","names":["db"]},{"id":"` + id2 + `","names":["a/b"]}]`:      {},
		`[{"id":"` + id1 + `","names":"web"}]`:                                                           {},
		`[]`:                                                                                             {},
		`{}`:                                                                                             {},
		``:                                                                                               {},
	} {
		if got := parsePodman([]byte(text)); !maps.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestContainerWorkload(t *testing.T) {
	const task = "0123456789abcdefghijklmno"

	for name, want := range map[string]string{
		"web":                           "web",
		"shop-web-1":                    "shop-web-1", // Docker Compose
		"shop_web_1":                    "shop_web_1",
		"shop_web.3." + task:            "shop_web", // Docker Swarm, replicated and global
		"shop_web." + task + "." + task: "shop_web",
		"web.3." + task[:24]:            "web.3." + task[:24],
		"qemu-3-vm":                     "vm",
		"qemu-3-":                       "qemu-3-",
		"qemu-vm":                       "qemu-vm",
		"":                              "",
		".3." + task:                    ".3." + task,
	} {
		if got := containerWorkload(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// engineFiles has files below a root, as Docker and Podman write them.
type engineFiles struct {
	t    *testing.T
	root string
}

func (f *engineFiles) write(path, text string) {
	f.t.Helper()

	path = filepath.Join(f.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *engineFiles) docker(id, name string) {
	f.t.Helper()

	text, _ := json.Marshal(map[string]any{"ID": id, "Name": "/" + name, "State": map[string]any{"Running": true}})
	f.write(filepath.Join(dockerDir, id, dockerFile), string(text))
}

func TestReadEngines(t *testing.T) {
	f := &engineFiles{t, t.TempDir()}
	id := func(digit string) string { return strings.Repeat(digit, idDigits) }

	f.docker(id("1"), "web")
	f.docker("short", "no")
	f.write(filepath.Join(dockerDir, id("2"), dockerFile), `{"Name":"/large"}`+strings.Repeat(" ", maxEngineFile))
	f.write(filepath.Join(dockerDir, id("3"), "other.json"), "{}")
	f.write(filepath.Join(dockerDir, id("4")), "a file")
	f.write(filepath.Join(podmanDir, podmanFile), `[{"id":"`+id("5")+`","names":["db"]}]`)
	f.write(filepath.Join(podmanDir, podmanRemoveFile), `[{"id":"`+id("6")+`","names":["job"]}]`)
	f.write(filepath.Join(podmanRuntimeDir, podmanRemoveFile), `[{"id":"`+id("7")+`","names":["transient"]}]`)

	dir := filepath.Join(f.root, dockerDir, id("8"))
	if err := errors.Join(os.Mkdir(dir, 0o755), syscall.Mkfifo(filepath.Join(dir, dockerFile), 0o600)); err != nil {
		t.Fatal(err)
	}

	want := map[string]string{id("1"): "web", id("5"): "db", id("6"): "job", id("7"): "transient"}

	got, complete := readEngines(f.root, func() bool { return false })
	if !maps.Equal(got, want) || !complete {
		t.Errorf("%q, complete %v, want %q", got, complete, want)
	}

	if _, complete = readEngines(f.root, func() bool { return true }); complete {
		t.Error("complete although it was stopped")
	}

	if got, complete = readEngines(t.TempDir(), func() bool { return false }); len(got) != 0 || !complete {
		t.Errorf("without an engine: %q, complete %v", got, complete)
	}
}

// TestContainerNames: a container that is not in a pod has its name, else its short id; a
// link of the kubelet wins. It gets neither before it is known which.
func TestContainerNames(t *testing.T) {
	h, f, links := &hierarchy{t, t.TempDir()}, &engineFiles{t, t.TempDir()}, t.TempDir()
	id := func(digit string) string { return strings.Repeat(digit, idDigits) }
	scope := func(id string) uint64 { return h.add("/system.slice/docker-" + id + ".scope") }

	f.docker(id("1"), "web")
	f.docker(id("3"), "no")

	if err := os.Symlink("/nowhere", filepath.Join(links, "db-0_shop_db-"+id("3")+".log")); err != nil {
		t.Fatal(err)
	}

	named, unnamed, linked, lxc := scope(id("1")), scope(id("2")), scope(id("3")), h.add("/lxc.payload.mail")
	owners := NewOwners(NewCgroups(h.root), Paths{Links: links, Root: f.root})

	if got, final := owners.Of(unnamed); final || *got != (Owner{ContainerID: id("2"), Runtime: "docker"}) {
		t.Errorf("before its file was looked for: %+v, final %v", got, final)
	}

	owners.engines.update(t.Context())

	for cgroup, want := range map[uint64]Owner{
		named:   {ContainerID: id("1"), Runtime: "docker", Container: "web", Workload: "web"},
		unnamed: {ContainerID: id("2"), Runtime: "docker", Container: strings.Repeat("2", 12)},
		linked:  {ContainerID: id("3"), Runtime: "docker", Namespace: "shop", Workload: "db", Pod: "db-0", Container: "db"},
		lxc:     {Runtime: "lxc", Container: "mail", Workload: "mail"},
	} {
		got, final := owners.Of(cgroup)
		if !final || got == nil || *got != want {
			t.Errorf("%+v, final %v, want %+v", got, final, want)
		}

		if again, _ := owners.Of(cgroup); again != got {
			t.Error("another owner although nothing new is known")
		}
	}
}

// FuzzEngines: for any files, ids are well-formed and names can be values of labels.
func FuzzEngines(f *testing.F) {
	f.Add([]byte(`{"Name":"/web"}`))
	f.Add([]byte(`[{"id":"` + id1 + `","names":["web"]}]`))
	f.Add([]byte(`[{"ID":"` + id1 + `","Names":["\ud800"]}]`))

	f.Fuzz(func(t *testing.T, data []byte) {
		names := map[string]string{id1: parseDocker(data)}
		if names[id1] == "" {
			delete(names, id1)
		}

		maps.Copy(names, parsePodman(data))

		for id, name := range names {
			if !isID(id) || !engineNamePattern.MatchString(name) || containerWorkload(name) == "" {
				t.Errorf("%q: %q of the workload %q", id, name, containerWorkload(name))
			}
		}
	})
}
