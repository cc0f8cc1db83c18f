package deploy

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// documents is where the packages install the documentation.
const documents = "/usr/share/doc/tcphealth-exporter"

// packaged returns the files of the repository that both packages have, by where they are installed.
func packaged(t *testing.T) map[string]string {
	t.Helper()

	text, err := os.ReadFile("packaging/nfpm.yaml")
	if err != nil {
		t.Fatal(err)
	}

	var description struct {
		Contents []struct{ Src, Dst, Packager string }
	}
	if err := yaml.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}

	sources := make(map[string]string)

	for _, c := range description.Contents {
		if c.Packager != "" || strings.Contains(c.Src, "$") {
			continue
		}

		matches, err := fs.Glob(os.DirFS(".."), c.Src)
		if err != nil || len(matches) == 0 {
			t.Fatalf("%s: no such file, or %v", c.Src, err)
		}

		for _, match := range matches {
			target := c.Dst
			if strings.HasSuffix(target, "/") {
				target = path.Join(target, path.Base(match))
			}

			sources[target] = match
		}
	}

	return sources
}

// TestPackagesHaveTheDocumentation wants each page and each runbook in the packages, at the same place below documents
// as in the repository.
func TestPackagesHaveTheDocumentation(t *testing.T) {
	sources := packaged(t)
	pages := 0

	err := fs.WalkDir(os.DirFS(".."), "docs", func(page string, _ fs.DirEntry, err error) error {
		if path.Ext(page) == ".md" {
			pages++

			if sources[path.Join(documents, page)] != page {
				t.Errorf("the packages lack %s", page)
			}
		}

		return err
	})
	if err != nil || pages == 0 {
		t.Fatalf("%d pages, %v", pages, err)
	}
}

// TestPackagedLinks wants each page and picture that a packaged page links to in the packages.
func TestPackagedLinks(t *testing.T) {
	sources := packaged(t)
	link := regexp.MustCompile(`\]\(([^)#:]+\.(?:md|png))[)#]`)
	links := 0

	for target, source := range sources {
		if path.Ext(target) != ".md" {
			continue
		}

		text, err := os.ReadFile(filepath.Join("..", source))
		if err != nil {
			t.Fatal(err)
		}

		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			links++

			if to := path.Join(path.Dir(target), found[1]); sources[to] == "" {
				t.Errorf("%s links to %s, which the packages lack", source, to)
			}
		}
	}

	if links == 0 {
		t.Error("no links were found")
	}
}
