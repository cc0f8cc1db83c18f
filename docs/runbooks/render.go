package runbooks

import (
	"bytes"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"tcphealth_exporter/docs"
)

// renderer converts pages to HTML. HTML in a page is left out.
type renderer struct{ markdown goldmark.Markdown }

func newRenderer() renderer {
	return renderer{goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))}
}

// render converts a page of a directory of the repository.
func (r renderer) render(directory string, page []byte) ([]byte, error) {
	document := r.markdown.Parser().Parse(text.NewReader(page))
	rewriteLinks(document, directory)

	var b bytes.Buffer
	err := r.markdown.Renderer().Render(&b, page, document)

	return b.Bytes(), err
}

// rewriteLinks makes links lead to pages that the exporter serves. A link to anything
// else in the repository becomes its text, as does an image.
func rewriteLinks(document ast.Node, directory string) {
	var unlinked []ast.Node

	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}

		switch n := n.(type) {
		case *ast.Link:
			to, ok := served(directory, string(n.Destination))
			if !ok {
				unlinked = append(unlinked, n)
			}

			n.Destination = []byte(to)
		case *ast.Image:
			unlinked = append(unlinked, n)
		}

		return ast.WalkContinue, nil
	})

	for _, n := range unlinked {
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			n.Parent().InsertBefore(n.Parent(), n, child)
		}

		n.Parent().RemoveChild(n.Parent(), n)
	}
}

// served returns the URL, relative to that of any page, of what a link in a directory
// of the repository leads to, and whether it is served.
func served(directory, destination string) (string, bool) {
	if strings.HasPrefix(destination, "https://") || strings.HasPrefix(destination, "#") {
		return destination, true
	}

	file, fragment, _ := strings.Cut(destination, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}

	file = path.Join(directory, file)
	page := strings.TrimSuffix(path.Base(file), ".md")

	switch path.Dir(file) {
	case "docs":
		if file == "docs/runbooks" {
			return "../runbooks/", true
		}

		_, ok := docs.Read(page)

		return "../docs/" + page + fragment, ok
	case "docs/runbooks":
		_, ok := Read(page)

		return "../runbooks/" + page + fragment, ok
	}

	return "", false
}
