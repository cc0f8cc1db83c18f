// Package runbooks holds what to do about each alert of deploy/prometheus.
package runbooks

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed *.md
var files embed.FS

// Read returns the runbook of an alert, Markdown, and whether there is one.
func Read(alert string) ([]byte, bool) {
	text, err := fs.ReadFile(files, alert+".md")

	return text, err == nil
}

// Handler serves the runbook of the alert that the path value names; links between
// runbooks end in .md and work, too.
func Handler(pathValue string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := Read(strings.TrimSuffix(r.PathValue(pathValue), ".md"))
		if !ok {
			http.NotFound(w, r)

			return
		}

		w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
		_, _ = w.Write(text)
	})
}
