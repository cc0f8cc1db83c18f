// Package dashboards tests the dashboards; TestDashboardsHaveData at the top of the
// repository puts their queries to a real Prometheus.
package dashboards

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tcphealth_exporter/collector"
)

// schemaVersion is that of Grafana 12.
const schemaVersion = 42

// board is what the tests look at of a dashboard.
type board struct {
	UID, Title, Description string
	SchemaVersion           int
	ID                      *int
	Links                   []struct{ Title, URL string }
	Templating              struct{ List []variable }
	Panels                  []panel
}

type variable struct {
	Name, Type string
	Query      any
	Datasource *source
}

type source struct{ Type, UID string }

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               *source
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct{ Expr, RefID string }
	FieldConfig              struct {
		Defaults struct {
			Unit       string
			Thresholds struct{ Steps []any }
		}
	}
}

func (p *panel) isRow() bool { return p.Type == "row" }

// boards calls a test for each dashboard.
func boards(t *testing.T, test func(t *testing.T, b *board, text string)) {
	t.Helper()

	files, err := filepath.Glob("*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("dashboards: %q, %v", files, err)
	}

	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}

			var b board
			if err := json.Unmarshal(text, &b); err != nil {
				t.Fatal(err)
			}

			test(t, &b, string(text))
		})
	}
}

// TestDashboards wants of each what makes it work on any Grafana, and of each panel what
// makes it understood.
func TestDashboards(t *testing.T) {
	known := map[string]bool{"timeseries": true, "stat": true, "table": true, "heatmap": true}

	boards(t, func(t *testing.T, b *board, text string) {
		if b.SchemaVersion != schemaVersion || !strings.HasPrefix(b.UID, "tcphealth-") || b.Title == "" || b.Description == "" || b.ID != nil {
			t.Errorf("schema %d, uid %q, title %q, description %q, id %v", b.SchemaVersion, b.UID, b.Title, b.Description, b.ID)
		}

		if v := b.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus" {
			t.Errorf("the first variable is %v, not the data source", v)
		}

		for _, v := range b.Templating.List[1:] {
			requireSource(t, v.Name, v.Datasource)
		}

		ids := map[int]bool{}

		for _, p := range b.Panels {
			if ids[p.ID] {
				t.Errorf("%s: the id %d is taken", p.Title, p.ID)
			}

			ids[p.ID] = true

			if p.isRow() {
				continue
			}

			requireSource(t, p.Title, p.Datasource)

			if !known[p.Type] || p.Title == "" || !strings.HasSuffix(p.Description, ".") || len(p.Targets) == 0 {
				t.Errorf("panel %d: %s %q, described as %q, with %d queries", p.ID, p.Type, p.Title, p.Description, len(p.Targets))
			}

			if p.FieldConfig.Defaults.Unit == "" || len(p.FieldConfig.Defaults.Thresholds.Steps) == 0 {
				t.Errorf("%s has no unit or no thresholds", p.Title)
			}
		}

		if strings.Contains(text, `"uid": "prometheus"`) || strings.Contains(text, "__inputs") {
			t.Error("it depends on a certain data source")
		}
	})
}

func requireSource(t *testing.T, name string, s *source) {
	t.Helper()

	if s == nil || s.Type != "prometheus" || s.UID != "${datasource}" {
		t.Errorf("%s has the data source %v", name, s)
	}
}

// TestPanelsDoNotOverlap looks at each cell of the grid.
func TestPanelsDoNotOverlap(t *testing.T) {
	boards(t, func(t *testing.T, b *board, _ string) {
		taken := map[[2]int]string{}

		for _, p := range b.Panels {
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, is := taken[[2]int{x, y}]; is || x >= 24 {
						t.Fatalf("%s is at %d, %d, where %q is or nothing may be", p.Title, x, y, other)
					}

					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	})
}

// TestNames holds the metrics and variables that queries name to those there are.
func TestNames(t *testing.T) {
	metric := regexp.MustCompile(`tcphealth_[a-z0-9_]+`)
	name := regexp.MustCompile(`\$\{?([a-z_]+)`)

	metrics := map[string]bool{"tcphealth_exporter_build_info": true}
	for _, m := range collector.Catalogue() {
		metrics[m.Name] = true
	}

	boards(t, func(t *testing.T, b *board, _ string) {
		variables := map[string]bool{"__rate_interval": true}
		queries := map[string]string{}

		for _, v := range b.Templating.List {
			variables[v.Name] = true
			query, _ := json.Marshal(v.Query)
			queries["variable "+v.Name] = string(query)
		}

		for _, p := range b.Panels {
			for _, target := range p.Targets {
				queries[p.Title+" "+target.RefID] = target.Expr
			}
		}

		for where, query := range queries {
			for _, m := range metric.FindAllString(query, -1) {
				if !metrics[m] && !metrics[strings.TrimSuffix(m, "_bucket")] {
					t.Errorf("%s: there is no metric %s", where, m)
				}
			}

			for _, v := range name.FindAllStringSubmatch(query, -1) {
				if !variables[v[1]] {
					t.Errorf("%s: there is no variable %s", where, v[1])
				}
			}
		}
	})
}

// TestLinks holds the links between dashboards to those there are, with the variables
// that they have.
func TestLinks(t *testing.T) {
	to := regexp.MustCompile(`/d/([a-z-]+)\?([^"]*)`)
	set := regexp.MustCompile(`var-([a-z_]+)=`)
	variables := map[string]map[string]bool{}

	boards(t, func(_ *testing.T, b *board, _ string) {
		variables[b.UID] = map[string]bool{}
		for _, v := range b.Templating.List {
			variables[b.UID][v.Name] = true
		}
	})

	boards(t, func(t *testing.T, b *board, text string) {
		others := map[string]bool{}

		for _, link := range to.FindAllStringSubmatch(text, -1) {
			others[link[1]] = true

			for _, v := range set.FindAllStringSubmatch(link[2], -1) {
				if !variables[link[1]][v[1]] {
					t.Errorf("a link gives %s, which %q does not have", v[1], link[1])
				}
			}
		}

		if len(others) != 2 && b.UID != "tcphealth-connection" || others[b.UID] {
			t.Errorf("it leads to %v", others)
		}
	})
}
