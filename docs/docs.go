// Package docs holds the documentation, so that the exporter can serve it.
package docs

import (
	"embed"
	"io/fs"
)

//go:embed *.md
var files embed.FS

// Read returns a page in Markdown by its name without extension, and whether it exists.
func Read(page string) ([]byte, bool) {
	text, err := fs.ReadFile(files, page+".md")

	return text, err == nil
}
