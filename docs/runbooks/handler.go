package runbooks

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"tcphealth_exporter/docs"
)

const style = `body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60em; margin: 1em auto; padding: 0 1em }
a { color: #0b57d0 }
pre, code { font: 14px/1.5 ui-monospace, monospace; background: #f3f4f6 }
pre { padding: .7em; overflow-x: auto }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { text-align: left; vertical-align: top; padding: .2em .8em .2em 0; border-bottom: 1px solid #ddd }`

const layout = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}} - TCP Health Exporter</title>
<style>{{.Style}}</style>
</head>
<body>
<nav><a href="../">TCP Health Exporter</a> / <a href="../runbooks/">Runbooks</a></nav>
<main>
{{.Body}}</main>
</body>
</html>
`

// Pages serves runbooks and documentation as HTML. Links in a page are relative, so
// that they work behind a proxy that adds a prefix.
type Pages struct {
	renderer renderer
	layout   *template.Template
	// policy allows only the style of the layout.
	policy string
}

// NewPages returns the pages.
func NewPages() *Pages {
	hash := sha256.Sum256([]byte(style))

	return &Pages{
		renderer: newRenderer(),
		layout:   template.Must(template.New("page").Parse(layout)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

// Index serves a list of all runbooks.
func (p *Pages) Index() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { p.write(w, "docs/runbooks", "Runbooks", index()) })
}

// Runbook serves the runbook of the alert that a path value names; with the extension
// .md, in Markdown.
func (p *Pages) Runbook(pathValue string) http.Handler {
	return p.page(pathValue, "docs/runbooks", Read)
}

// Documentation serves the page of the documentation that a path value names.
func (p *Pages) Documentation(pathValue string) http.Handler {
	return p.page(pathValue, "docs", docs.Read)
}

func (p *Pages) page(pathValue, directory string, read func(string) ([]byte, bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, isMarkdown := strings.CutSuffix(r.PathValue(pathValue), ".md")

		text, ok := read(name)
		if !ok {
			http.NotFound(w, r)

			return
		}

		if !isMarkdown {
			p.write(w, directory, name, text)

			return
		}

		w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")

		_, _ = w.Write(text)
	})
}

// write renders a page.
func (p *Pages) write(w http.ResponseWriter, directory, title string, text []byte) {
	body, err := p.renderer.render(directory, text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)

		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", p.policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")

	_ = p.layout.Execute(w, map[string]any{
		"Title": title, "Style": template.CSS(style), "Body": template.HTML(body),
	})
}
