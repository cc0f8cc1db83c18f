package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// wordList is the list that Vale checks comments and prose against. This test applies
// it to what Vale does not read: identifiers, strings, and files of other formats.
const wordList = "../../.vale/styles/TCPHealth/Words.yml"

// exceptions are texts that may contain words of the list, by their paths.
var exceptions = map[string][]string{
	"app/container_test.go": {"nobody"}, // the user
	"app/process_test.go":   {"nobody"},
	"deploy/Dockerfile":     {"nobody"},
}

// banned returns a pattern that matches the words of the list.
func banned(t *testing.T) *regexp.Regexp {
	t.Helper()

	text, err := os.ReadFile(wordList)
	if err != nil {
		t.Fatal(err)
	}

	_, swap, found := strings.Cut(string(text), "\nswap:\n")
	if !found {
		t.Fatalf("no words in %s", wordList)
	}

	var all []string

	for line := range strings.Lines(swap) {
		words, _, found := strings.Cut(strings.TrimSpace(line), ": ")
		if !found {
			t.Fatalf("%s: %q is no pair", wordList, line)
		}

		all = append(all, words)
	}

	return regexp.MustCompile(`(?i)\b(?:` + strings.Join(all, "|") + `)\b`)
}

// words splits an identifier: "sinceTheRecheck" becomes "since The Recheck".
func words(identifier string) string {
	var b strings.Builder

	runes := []rune(identifier)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}

		if r == '_' {
			r = ' '
		}

		b.WriteRune(r)
	}

	return b.String()
}

// findWords returns the banned words in the identifiers and strings of a Go file.
func findWords(t *testing.T, list *regexp.Regexp, name string, src any) (found []string) {
	t.Helper()

	fset := token.NewFileSet()

	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}

	ast.Inspect(file, func(n ast.Node) bool {
		text := ""

		switch n := n.(type) {
		case *ast.Ident:
			text = words(n.Name)
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				text, _ = strconv.Unquote(n.Value)
			}
		}

		for _, word := range list.FindAllString(text, -1) {
			found = append(found, fset.Position(n.Pos()).String()+": "+word)
		}

		return true
	})

	return found
}

// TestWords fails for words that the glossary bans, in identifiers and strings of Go
// code.
func TestWords(t *testing.T) {
	list := banned(t)

	for dir, files := range goFiles(t) {
		for _, file := range files {
			name := filepath.ToSlash(filepath.Join(dir, filepath.Base(file)))
			if name == "internal/archtest/words_test.go" {
				continue
			}

			for _, found := range findWords(t, list, filepath.Join(root, name), nil) {
				if !allowed(name, found) {
					t.Errorf("%s: see %s", found, wordList)
				}
			}
		}
	}
}

func allowed(name, found string) bool {
	for _, word := range exceptions[name] {
		if strings.HasSuffix(strings.ToLower(found), word) {
			return true
		}
	}

	return false
}

// TestWordsOfOtherFiles does the same for files whose formats Vale does not know.
func TestWordsOfOtherFiles(t *testing.T) {
	list := banned(t)

	for _, pattern := range []string{
		"Makefile", "dashboards/*.json", "deploy/Dockerfile", "deploy/mixin/*", "deploy/systemd/*", "deploy/packaging/*", ".ci/*", ".golangci.yml",
	} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}

		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}

			name := filepath.ToSlash(strings.TrimPrefix(file, root+"/"))

			for n, line := range strings.Split(string(text), "\n") {
				for _, word := range list.FindAllString(line, -1) {
					if !allowed(name, word) {
						t.Errorf("%s:%d: %s: see %s", name, n+1, word, wordList)
					}
				}
			}
		}
	}
}

// TestWordsFindsSeeds: each kind of place is searched, and correct words pass.
func TestWordsFindsSeeds(t *testing.T) {
	list := banned(t)

	for src, want := range map[string]int{
		"package p\n\nfunc isIll() {}\n":                                     1,
		"package p\n\nvar waitAnew, reread = 1, 2\n":                         2,
		"package p\n\nconst s = \"nobody was told of late\"\n":               3,
		"package p\n\nconst s = `a time-out`\n":                              1,
		"package p\n\nvar stillUntold, illegal, foretell, waitTell = 1, 2\n": 1,
		"package p\n\nconst s = \"at least still intellectual\"\n":           0,
	} {
		if got := findWords(t, list, "seed.go", src); len(got) != want {
			t.Errorf("%q: found %q, want %d", src, got, want)
		}
	}
}
