package runbooks

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// serve returns the answer to a request.
func serve(path string) *httptest.ResponseRecorder {
	pages := NewPages()
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	mux.Handle("GET /runbooks/{$}", pages.Index())
	mux.Handle("GET /runbooks/{page}", pages.Runbook("page"))
	mux.Handle("GET /docs/{page}", pages.Documentation("page"))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))

	return w
}

// TestLinks follows all links from the index on, as a browser does: each leads to a page
// of the exporter or to another host, and each fragment to a heading.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`<a href="([^"]*)"`)
	bodies := map[string]string{}
	queue := []string{"/runbooks/"}

	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]

		if _, seen := bodies[from]; seen {
			continue
		}

		w := serve(from)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", from, w.Code)
		}

		bodies[from] = w.Body.String()
		base, _ := url.Parse(from)

		for _, found := range link.FindAllStringSubmatch(bodies[from], -1) {
			to, err := base.Parse(found[1])
			if err != nil {
				t.Fatal(err)
			}

			if to.Host != "" {
				continue
			}

			w := serve(to.Path)
			if w.Code != http.StatusOK || to.Fragment != "" && !strings.Contains(w.Body.String(), ` id="`+to.Fragment+`"`) {
				t.Errorf("%s links to %s: %d", from, to, w.Code)
			}

			queue = append(queue, to.Path)
		}
	}

	for _, name := range names() {
		if bodies["/runbooks/"+name] == "" {
			t.Errorf("%s cannot be reached from the index", name)
		}
	}

	for _, page := range []string{"/docs/configuration", "/docs/filter", "/docs/health"} {
		if bodies[page] == "" {
			t.Errorf("%s cannot be reached from the index", page)
		}
	}
}

func TestPage(t *testing.T) {
	w := serve("/runbooks/TCPHealthHalfOpen")
	body := w.Body.String()

	for _, want := range []string{
		`<h1 id="tcphealthhalfopen">TCPHealthHalfOpen</h1>`, `<pre><code class="language-sh">`, `href="../runbooks/TCPHealthMTUBlackHole"`,
		`href="../docs/configuration"`, "<title>TCPHealthHalfOpen - TCP Health Exporter</title>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}

	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}

	if w := serve("/runbooks/TCPHealthHalfOpen.md"); w.Header().Get("Content-Type") != "text/markdown; charset=utf-8" || !strings.HasPrefix(w.Body.String(), "# TCPHealthHalfOpen\n") {
		t.Errorf("in Markdown: %v, %.40q", w.Header(), w.Body)
	}

	for _, path := range []string{"/runbooks/nothing", "/runbooks/handler.go", "/runbooks/..%2fconfiguration", "/docs/runbooks%2fTCPHealthStale", "/docs/docs.go"} {
		if w := serve(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestPolicy: the page needs nothing but the style that the policy allows.
func TestPolicy(t *testing.T) {
	for _, path := range []string{"/runbooks/", "/runbooks/TCPHealthStale", "/docs/metrics"} {
		w := serve(path)
		body := w.Body.String()

		_, after, _ := strings.Cut(body, "<style>")
		style, _, _ := strings.Cut(after, "</style>")
		hash := sha256.Sum256([]byte(style))

		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
		if got := w.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q, expected %q", path, got, want)
		}

		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}

		if found := regexp.MustCompile(`<(script|img|link|iframe|form|object)|style=| on[a-z]+=|javascript:`).FindString(strings.ReplaceAll(body, style, "")); found != "" {
			t.Errorf("%s has %s", path, found)
		}
	}
}

func TestRender(t *testing.T) {
	for text, want := range map[string]string{
		"[a](TCPHealthStale.md)":        `<p><a href="../runbooks/TCPHealthStale">a</a></p>`,
		"[a](TCPHealthStale.md#how)":    `<p><a href="../runbooks/TCPHealthStale#how">a</a></p>`,
		"[a](../filter.md)":             `<p><a href="../docs/filter">a</a></p>`,
		"[a](.)":                        `<p><a href="../runbooks/">a</a></p>`,
		"[a](https://example.org/b.md)": `<p><a href="https://example.org/b.md">a</a></p>`,
		"[the `code`](../../go.mod) it": `<p>the <code>code</code> it</p>`,
		"[a](../runbooks.go)":           `<p>a</p>`,
		"![picture](../images/a.png)":   `<p>picture</p>`,
		"[![a](b.png)](../../x)":        `<p>a</p>`,
		"[a](javascript:alert(1))":      `<p>a</p>`,
		"[a](//example.org)":            `<p>a</p>`,
		"a <script>b</script>":          `<p>a <!-- raw HTML omitted -->b<!-- raw HTML omitted --></p>`,
		"|a|b|\n|---|---|\n|`c`|d|":     "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><code>c</code></td>\n<td>d</td>\n</tr>\n</tbody>\n</table>",
	} {
		got, err := newRenderer().render("docs/runbooks", []byte(text))
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

// TestNetworkRunbooksNameEachOther: dead paths and MTU black holes are mistaken for each
// other.
func TestNetworkRunbooksNameEachOther(t *testing.T) {
	for _, name := range []string{"TCPHealthHalfOpen", "TCPHealthStale"} {
		text, _ := Read(name)
		_, fix, _ := strings.Cut(string(text), "## How to fix\n\n")

		first, _, _ := strings.Cut(fix, "\n- ")
		if !strings.Contains(first, "(TCPHealthMTUBlackHole.md)") {
			t.Errorf("%s does not name the MTU first: %s", name, first)
		}
	}

	if text, _ := Read("TCPHealthMTUBlackHole"); !strings.Contains(string(text), "path_dead") || !strings.Contains(string(text), "(TCPHealthHalfOpen.md)") {
		t.Error("TCPHealthMTUBlackHole does not name path_dead")
	}
}

func TestIndex(t *testing.T) {
	if !slices.IsSorted(names()) || len(names()) < 20 {
		t.Errorf("runbooks: %q", names())
	}

	if got, want := firstSentence("# A\n\nThis is\nso. That is not.\n\nMore."), "This is so."; got != want {
		t.Errorf("first sentence %q, expected %q", got, want)
	}

	if body := serve("/runbooks/").Body.String(); !strings.Contains(body, `<td><a href="../runbooks/TCPHealthConfigBroken">TCPHealthConfigBroken</a></td>`) {
		t.Errorf("the index:\n%s", body)
	}
}
