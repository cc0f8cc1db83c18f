package archtest

import (
	"path"
	"slices"
	"strings"
)

// module is the path of our own module.
const module = "tcphealth_exporter"

// room is one row of the table of import directions. A room is one directory;
// a name ending in "/..." stands for every directory below.
type room struct {
	dir string
	// own are the rooms of ours that the code may import. Tests may import the
	// same, the room itself and internal/...
	own []string
	// third are the modules or packages of others that the code may import,
	// with all below. Tests may import any.
	third []string
	// std are the packages of the standard library that the code may import,
	// nil for all but never.
	std []string
	// never are packages of the standard library that the code must not import.
	never []string
	// edges are patterns of files to which std does not apply.
	edges []string
	// unreachable are packages, with all below, that must not be among the
	// dependencies of the room at any depth.
	unreachable []string
	// testOnly says that the room has no code but tests; doc.go may stand.
	testOnly bool
	// support says that tests alone use the room, so that the packages for tests
	// are allowed in it.
	support bool
}

// pureStd is what a room without I/O, clock and locks needs.
var pureStd = []string{
	"bytes", "cmp", "encoding/binary", "errors", "fmt", "iter", "maps", "math", "math/bits", "net/netip",
	"slices", "sort", "strconv", "strings", "unicode/utf8",
}

// testPackages are never part of the program.
var testPackages = []string{module + "/internal", "github.com/google/go-cmp", "github.com/vishvananda"}

// rooms is the table. What stands right in main -> collector -> health ->
// sampler may not be imported by what stands left of it.
var rooms = []room{
	{dir: ".", own: []string{"app"}, std: []string{"os"}},
	{
		dir: "app",
		own: []string{
			"api", "api/v1", "bytecode", "cmdline", "collector", "config", "health", "health/abort", "health/export", "health/group",
			"health/judge", "hostinfo", "logging", "netns", "netns/broker", "netns/broker/command", "netns/counters", "owner", "regular", "sampler", "sampler/loop",
			"sampler/proctcp", "web",
		},
		third: []string{
			"github.com/alecthomas/kingpin/v2", "github.com/coreos/go-systemd/v22", "github.com/go-kit/log",
			"github.com/prometheus",
		},
	},
	{
		dir: "web", own: []string{"docs/runbooks", "regular"},
		third: []string{"github.com/go-kit/log", "github.com/prometheus", "go.yaml.in/yaml/v4"},
	},
	{
		dir: "cmdline", own: []string{"regular"}, third: []string{"github.com/alecthomas/kingpin/v2", "github.com/prometheus/common/version"},
		std: []string{"errors", "fmt", "io", "strconv", "strings"},
	},
	{
		dir:         "netns/broker",
		third:       []string{"github.com/coreos/go-systemd/v22/activation", "github.com/go-kit/log", "golang.org/x/sys/unix"},
		std:         slices.Concat(pureStd, []string{"syscall"}),
		never:       []string{"log", "log/slog", "net/http"},
		edges:       []string{"client.go", "listen.go", "open.go", "process.go", "redial.go", "search.go", "server.go", "thread.go"},
		unreachable: []string{"github.com/prometheus", "net/http"},
	},
	{
		dir: "netns/broker/command", own: []string{"cmdline", "hostinfo", "netns/broker"},
		third: []string{"github.com/go-kit/log", "github.com/prometheus/common/version"},
		std:   []string{"context", "errors", "fmt", "io", "path"},
	},
	{
		dir: "regular", third: []string{"golang.org/x/sys/unix"},
		std: []string{"errors", "fmt", "io", "io/fs", "os", "syscall", "time"},
	},
	{dir: "logging", third: []string{"github.com/go-kit/log", "github.com/tjhop/slog-gokit"}, never: []string{"log", "net/http"}},
	{dir: "hostinfo", third: []string{"github.com/prometheus/procfs"}, never: []string{"log", "log/slog", "net/http"}},
	{dir: "owner", own: []string{"regular"}, third: []string{"golang.org/x/sys/unix"}, never: []string{"log", "log/slog", "net/http"}},
	{
		dir: "netns", own: []string{"sampler", "sampler/proctcp"}, third: []string{"golang.org/x/sys/unix"},
		std:         slices.Concat(pureStd, []string{"syscall", "time"}),
		never:       []string{"log", "log/slog", "net/http"},
		edges:       []string{"anchor.go", "deaths.go", "discovery.go", "dump.go", "namespace.go", "open.go", "procs.go", "sample.go", "stats.go", "watcher.go"},
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir: "netns/counters", own: []string{"hostinfo", "netns"},
		never:       []string{"log", "log/slog", "net/http"},
		unreachable: []string{"github.com/go-kit", "net/http"},
	},
	{dir: "bytecode", std: slices.Concat(pureStd, []string{"unicode"})},
	{
		dir:         "sampler",
		third:       []string{"github.com/mdlayher/netlink", "golang.org/x/sys/unix"},
		std:         slices.Concat(pureStd, []string{"context", "hash/maphash", "io", "syscall", "time"}),
		never:       []string{"log", "log/slog", "net/http"},
		edges:       []string{"conn_linux*.go", "consumer.go", "errors.go", "record*.go", "replay*.go"},
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "sampler/loop",
		own:         []string{"sampler"},
		third:       []string{"golang.org/x/sys/unix"},
		never:       []string{"log", "log/slog", "net/http"},
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "sampler/proctcp",
		own:         []string{"sampler"},
		third:       []string{"golang.org/x/sys/unix"},
		std:         pureStd,
		never:       []string{"log", "log/slog", "net/http"},
		edges:       []string{"reader*.go"},
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "health/window",
		std:         pureStd,
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "health/judge",
		own:         []string{"health/window", "sampler"},
		std:         slices.Concat(pureStd, []string{"time"}),
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "health/abort",
		own:         []string{"sampler"},
		std:         slices.Concat(pureStd, []string{"time"}),
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "health/group",
		own:         []string{"health/judge", "sampler"},
		std:         slices.Concat(pureStd, []string{"time"}),
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "health/export",
		own:         []string{"health/judge", "sampler"},
		std:         slices.Concat(pureStd, []string{"time"}),
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir:         "health",
		own:         []string{"health/abort", "health/export", "health/group", "health/judge", "health/window", "sampler"},
		std:         slices.Concat(pureStd, []string{"container/heap", "hash/maphash", "time"}),
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{
		dir: "collector",
		own: []string{"health/export", "health", "health/group", "health/judge", "sampler"},
		third: []string{
			"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_model/go",
			"google.golang.org/protobuf/types/known/timestamppb",
		},
		never: []string{"log", "log/slog", "net", "net/http", "os", "os/exec", "syscall"},
	},
	{
		dir:         "config",
		own:         []string{"bytecode", "health", "health/group", "health/judge", "sampler"},
		third:       []string{"go.yaml.in/yaml/v4"},
		std:         slices.Concat(pureStd, []string{"io", "time"}),
		unreachable: []string{"github.com/prometheus", "github.com/go-kit", "net/http"},
	},
	{dir: "api/v1", std: slices.Concat(pureStd, []string{"encoding/json", "time"})},
	{dir: "api", own: []string{"api/v1", "health", "health/export", "health/group", "health/judge", "sampler", "sampler/loop"}, never: []string{"log", "log/slog", "syscall"}},
	{dir: "docs", std: []string{"embed", "io/fs"}},
	{
		dir: "docs/runbooks", own: []string{"docs"}, third: []string{"github.com/yuin/goldmark"},
		std: []string{"bytes", "crypto/sha256", "embed", "encoding/base64", "html/template", "io/fs", "net/http", "path", "strings"},
	},
	{dir: "deploy", own: []string{"collector", "docs/runbooks"}, testOnly: true},
	{dir: "dashboards", own: []string{"collector"}, testOnly: true},
	{dir: "internal/...", own: []string{"api", "bytecode", "collector", "config", "health", "health/export", "health/group", "health/judge", "netns", "netns/broker", "sampler", "sampler/loop"}, third: []string{""}, support: true},
}

// roomOf returns the row for the directory.
func roomOf(dir string) (room, bool) {
	for _, r := range rooms {
		below, wild := strings.CutSuffix(r.dir, "...")
		if dir == r.dir || wild && strings.HasPrefix(dir, below) {
			return r, true
		}
	}

	return room{}, false
}

// complaint says why a file of the room may not import p, empty if it may.
func (r room) complaint(file, p string) string {
	test := strings.HasSuffix(file, "_test.go")
	own, isOwn := strings.CutPrefix(p, module+"/")

	switch {
	case isOwn && !r.mayImport(own, path.Dir(file), test):
		return "breaks the import directions"
	case p == "unsafe" && file != "sampler/conn_linux.go" && !strings.HasPrefix(file, "internal/faults/"):
		return "only sampler/conn_linux.go and internal/faults may import it"
	case isOwn || test:
		return ""
	case !r.support && (p == "testing" || within(p, testPackages)):
		return "is for tests only"
	case !isStd(p) && !within(p, r.third):
		return "is no dependency of this room"
	case isStd(p) && slices.Contains(r.never, p):
		return "is forbidden in this room"
	case isStd(p) && r.std != nil && !r.isEdge(path.Base(file)) && !slices.Contains(r.std, p):
		return "is not on the list of this room's pure files"
	}

	return ""
}

// mayImport reports whether a file in dir may import our own package.
func (r room) mayImport(own, dir string, test bool) bool {
	if slices.Contains(r.own, own) {
		return true
	}

	return (test || r.support) && (own == dir || strings.HasPrefix(own, "internal/"))
}

func (r room) isEdge(base string) bool {
	return slices.ContainsFunc(r.edges, func(pattern string) bool {
		ok, err := path.Match(pattern, base)
		return err == nil && ok
	})
}

// isStd reports whether p is of the standard library: only there the first
// element has no dot.
func isStd(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") && first != module
}

// within reports whether p is one of the packages or below one of them.
func within(p string, packages []string) bool {
	return slices.ContainsFunc(packages, func(q string) bool {
		return q == "" || p == q || strings.HasPrefix(p, q+"/")
	})
}
