// Package runbooks holds what to do about each alert of deploy/prometheus, and serves
// it, with the documentation that it refers to, as HTML.
package runbooks

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.md
var files embed.FS

// Read returns the runbook of an alert in Markdown, and whether it exists.
func Read(alert string) ([]byte, bool) {
	text, err := fs.ReadFile(files, alert+".md")

	return text, err == nil
}

// names returns the alerts that have a runbook, in alphabetical order.
func names() []string {
	entries, _ := fs.ReadDir(files, ".") // embedded, so it cannot fail

	all := make([]string, 0, len(entries))
	for _, e := range entries {
		all = append(all, strings.TrimSuffix(e.Name(), ".md"))
	}

	return all
}

// index returns a list of all runbooks in Markdown, each with its first sentence.
func index() []byte {
	var b strings.Builder

	b.WriteString("# Runbooks\n\nWhat each alert means, and what to do first. " +
		"The [documentation](../README.md) describes statuses, metrics and configuration.\n\n| alert | |\n|---|---|\n")

	for _, name := range names() {
		text, _ := Read(name)
		b.WriteString("| [" + name + "](" + name + ".md) | " + firstSentence(string(text)) + " |\n")
	}

	return []byte(b.String())
}

// firstSentence returns that of a page: what follows the title, up to a full stop.
func firstSentence(page string) string {
	_, body, _ := strings.Cut(page, "\n\n")
	paragraph, _, _ := strings.Cut(body, "\n\n")
	sentence, _, _ := strings.Cut(strings.ReplaceAll(paragraph, "\n", " "), ". ")

	return strings.TrimSuffix(sentence, ".") + "."
}
