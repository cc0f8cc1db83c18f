package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLongTestsExist holds the Makefile to the names of the tests that it calls long, which
// it would otherwise leave out in silence, and to the packages that they are in.
func TestLongTestsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}

	list := regexp.MustCompile(`(?m)^LONG := (.*)$`).FindSubmatch(makefile)
	run := regexp.MustCompile(`(?m)-run '\^\(\$\(LONG\)\)\$\$' (.*)$`).FindSubmatch(makefile)

	if list == nil || run == nil {
		t.Fatal("the Makefile has no long tests")
	}

	dirs := strings.Fields(string(run[1]))

	for name := range strings.SplitSeq(string(list[1]), "|") {
		declaration := regexp.MustCompile(`(?m)^func ` + name + `\(t \*testing\.T\)`)
		found := 0

		for _, dir := range dirs {
			files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}

			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}

				found += len(declaration.FindAll(text, -1))
			}
		}

		if found != 1 {
			t.Errorf("%d tests have the name %s in %s", found, name, dirs)
		}
	}
}
