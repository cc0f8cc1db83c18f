package bytecode

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const docPath = "../docs/filter.md"

// docEnv knows the names in the documentation.
var docEnv = Env{
	Service:   func(name string) (uint16, bool) { return 443, name == "https" },
	Interface: func(name string) (uint32, bool) { return 2, name == "eth0" },
	Cgroup:    func(path string) (uint64, bool) { return 42, path == "/system.slice/nginx.service" },
}

func readDoc(t *testing.T) string {
	t.Helper()

	text, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// TestDocExamplesGolden reads the examples of the documentation as a user would
// type them, and shows what becomes of them.
func TestDocExamplesGolden(t *testing.T) {
	_, block, _ := strings.Cut(readDoc(t), "```filter\n")
	block, _, _ = strings.Cut(block, "```")

	var b strings.Builder

	examples := 0

	for line := range strings.Lines(block) {
		f, err := Parse(line, docEnv)
		if err != nil {
			t.Error(err)

			continue
		}

		plan, err := f.Compile(everything)
		if err != nil || plan.Rest != nil || Audit(plan.Program, true) != nil {
			t.Errorf("%s: %v", line, err)
		}

		examples++

		fmt.Fprintf(&b, "%s%s\n%s\n", line, f, listing(plan.Program))
	}

	if examples < 20 {
		t.Errorf("%d examples, want at least 20", examples)
	}

	compareGolden(t, "testdata/doc_examples.golden", b.String())
}

// TestDocDifferences: what the table calls an error is one, and everything else in
// its first column is not.
func TestDocDifferences(t *testing.T) {
	_, table, _ := strings.Cut(readDoc(t), "## Differences from ss")
	table, _, _ = strings.Cut(table, "\n## ")
	code := regexp.MustCompile("`([^`]*)`")
	rows := 0

	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], " ") {
			continue
		}

		m := code.FindStringSubmatch(cells[1])
		if m == nil || strings.HasSuffix(m[1], ":") || !strings.Contains(m[1], " ") {
			continue
		}

		src := strings.NewReplacer("a or b and c", "dev 1 or dev 2 and dev 3").Replace(m[1])
		_, err := Parse(src, docEnv)
		wrong := strings.Contains(cells[3], "an error") || strings.Contains(cells[3], "not part")

		if (err != nil) != wrong {
			t.Errorf("%s: %v", src, err)
		}

		rows++
	}

	if rows < 10 {
		t.Errorf("%d rows", rows)
	}
}

// TestDocMistake: the error is the one in the documentation.
func TestDocMistake(t *testing.T) {
	_, err := Parse("dport = 22 or (sport = htpp)", docEnv)

	e, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		t.Fatal(err)
	}

	if want := fmt.Sprintf("```\n%v\n%s```", err, e.Show()); !strings.Contains(readDoc(t), want) {
		t.Errorf("not in the documentation:\n%s", want)
	}
}
