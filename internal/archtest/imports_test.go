package archtest

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the top of the repository, seen from here.
const root = "../.."

// TestEveryDirectoryHasARoom fails when code appears where the table knows of
// no room, so nothing stays unchecked.
func TestEveryDirectoryHasARoom(t *testing.T) {
	for dir := range goFiles(t) {
		if _, ok := roomOf(dir); !ok {
			t.Errorf("%s holds Go files but has no row in the table of rooms", dir)
		}
	}
}

// TestImports checks what every file names, whatever its build tags.
func TestImports(t *testing.T) {
	dirs := goFiles(t)
	for _, r := range rooms {
		t.Run(r.dir, func(t *testing.T) {
			found := false
			for dir, files := range dirs {
				if at, ok := roomOf(dir); !ok || at.dir != r.dir {
					continue
				}
				found = true
				for _, file := range files {
					checkFile(t, r, file)
				}
			}
			if !found {
				t.Skip("no Go files yet")
			}
		})
	}
}

// TestReach asks the go command for all dependencies of what a room compiles
// to, those of its dependencies included.
func TestReach(t *testing.T) {
	dirs := goFiles(t)
	for _, r := range rooms {
		if r.support || r.testOnly {
			continue
		}
		t.Run(r.dir, func(t *testing.T) {
			if !slices.ContainsFunc(dirs[r.dir], isCode) {
				t.Skip("no Go files yet")
			}
			for _, dep := range deps(t, r.dir) {
				if within(dep, r.unreachable) || within(dep, testPackages) {
					t.Errorf("%s depends on %s", r.dir, dep)
				}
			}
		})
	}
}

func checkFile(t *testing.T, r room, file string) {
	t.Helper()
	src, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	if r.testOnly && isCode(file) && path.Base(file) != "doc.go" {
		t.Errorf("%s: the room %s has tests only", file, r.dir)
	}
	for _, spec := range src.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if why := r.complaint(file, p); why != "" {
			t.Errorf("%s imports %s: %s", file, p, why)
		}
	}
}

// deps returns the import paths of all dependencies of the package in dir.
func deps(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-buildvcs=false", "-deps", "-json=ImportPath", "./"+dir)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%v: %v\n%s", cmd, err, exit.Stderr)
	} else if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}

	var paths []string
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ ImportPath string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return paths
		} else if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p.ImportPath)
	}
}

// goFiles returns the Go files of the repository by directory, both relative
// to its top and with slashes.
func goFiles(t *testing.T) map[string][]string {
	t.Helper()
	dirs := make(map[string][]string)
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && isIgnored(d.Name()):
			return fs.SkipDir
		case !d.IsDir() && path.Ext(p) == ".go":
			dirs[path.Dir(p)] = append(dirs[path.Dir(p)], p)
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return dirs
}

// isIgnored reports whether the go command ignores directories of that name.
func isIgnored(dir string) bool {
	return strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_") || dir == "testdata" || dir == "vendor"
}

func isCode(file string) bool { return !strings.HasSuffix(file, "_test.go") }
