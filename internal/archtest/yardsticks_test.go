package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The yardsticks of a package and of a function. The linter holds the length of files
// and the complexity of functions.
const (
	maxPackageLines  = 2500
	maxExported      = 40
	maxFunctionLines = 60
	maxMedianLines   = 10
)

// larger are the packages above a yardstick, with the number that they may not exceed
// and the reason. A package that becomes smaller lowers its number.
var larger = map[string]struct {
	lines, exported int
	reason          string
}{
	"bytecode":     {3300, 0, "a language, its compiler, and the kernel's audit and interpreter, which share the operations"},
	"app":          {2550, 0, "the flags and the wiring of everything"},
	"health":       {3850, 0, "the table of connections, its life cycle and its queries, which share one goroutine and one slab"},
	"health/judge": {3050, 0, "one concept: a third of it is the rule table, its figures and its sentences; another source has less evidence for the same rules"},
	"sampler":      {3100, 60, "the structures of INET_DIAG, most of which are the fields of tcp_info"},
}

// pkg is what the yardsticks measure of a package, without tests.
type pkg struct {
	dir, synopsis    string
	lines, exported  int
	functions        []int // lines of each
	longest          string
	longestFunctions int
}

// packages returns the packages of the program by their directories.
func packages(t *testing.T) map[string]*pkg {
	t.Helper()

	all := make(map[string]*pkg)

	for dir, files := range goFiles(t) {
		if strings.HasPrefix(dir, "internal/") {
			continue
		}

		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}

			if all[dir] == nil {
				all[dir] = &pkg{dir: dir}
			}

			all[dir].add(t, filepath.Join(root, dir, filepath.Base(file)))
		}
	}

	return all
}

func (p *pkg) add(t *testing.T, path string) {
	t.Helper()

	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	fset := token.NewFileSet()

	file, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}

	p.lines += strings.Count(string(src), "\n")

	if file.Doc != nil {
		p.synopsis, _, _ = strings.Cut(strings.ReplaceAll(file.Doc.Text(), "\n", " "), ". ")
	}

	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			n := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1
			p.functions = append(p.functions, n)

			if n > p.longestFunctions {
				p.longest, p.longestFunctions = d.Name.Name, n
			}

			if d.Recv == nil && d.Name.IsExported() {
				p.exported++
			}
		case *ast.GenDecl:
			p.exported += exportedIn(d)
		}
	}
}

// exportedIn counts the exported names of a declaration. The constants of one block, an
// enumeration as a rule, count once.
func exportedIn(d *ast.GenDecl) (n int) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				n++
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() {
					n++
				}
			}
		}
	}

	if d.Tok == token.CONST {
		return min(n, 1)
	}

	return n
}

// TestYardsticks holds packages to a size that fits into one head.
func TestYardsticks(t *testing.T) {
	var lengths []int

	for dir, p := range packages(t) {
		lines, exported := maxPackageLines, maxExported

		if l, ok := larger[dir]; ok {
			if l.reason == "" {
				t.Errorf("%s is larger without a reason", dir)
			}

			lines, exported = max(lines, l.lines), max(exported, l.exported)
		}

		if p.lines > lines || p.exported > exported {
			t.Errorf("%s has %d lines and %d exported names, at most %d and %d fit", dir, p.lines, p.exported, lines, exported)
		}

		if p.longestFunctions > maxFunctionLines {
			t.Errorf("%s: %s has %d lines, at most %d fit", dir, p.longest, p.longestFunctions, maxFunctionLines)
		}

		lengths = append(lengths, p.functions...)
	}

	slices.Sort(lengths)

	if median := lengths[len(lengths)/2]; median > maxMedianLines {
		t.Errorf("the median function has %d lines, want %d at most", median, maxMedianLines)
	}

	t.Logf("%d functions, median %d lines", len(lengths), lengths[len(lengths)/2])
}
