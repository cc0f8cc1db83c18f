package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/docs/runbooks"
	"tcphealth_exporter/internal/netlab"
)

// ruleFile is what the tests look at in a file of rules.
type ruleFile struct {
	Groups []struct {
		Rules []rule
	}
}

type rule struct {
	Alert, Record, Expr string
	For                 string
	Labels, Annotations map[string]string
}

func load(tb testing.TB, path string) []rule {
	tb.Helper()

	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}

	var f ruleFile
	if err := yaml.Unmarshal(text, &f); err != nil {
		tb.Fatal(err)
	}

	var all []rule
	for _, g := range f.Groups {
		all = append(all, g.Rules...)
	}

	if len(all) == 0 {
		tb.Fatalf("%s has no rules", path)
	}

	return all
}

// run runs a tool and fails with what it said.
func run(t *testing.T, dir, tool string, args ...string) {
	t.Helper()
	netlab.RequireTool(t, tool)

	cmd := exec.Command(tool, args...)
	cmd.Dir = dir

	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
}

// TestTools has Prometheus' own tools check the files, and run the unit tests of the
// rules.
func TestTools(t *testing.T) {
	run(t, "prometheus", "promtool", "check", "rules", "alerting_rules.yml", "recording_rules.yml")
	run(t, "prometheus", "promtool", "test", "rules", "alerting_rules_test.yml")
	run(t, "prometheus", "promtool", "check", "config", "prometheus.yml")
	run(t, "alertmanager", "amtool", "check-config", "alertmanager.yml")
}

// sections are those of a runbook, in order.
var sections = []string{"## How to confirm", "## How to fix", "## How to silence"}

// TestAlerts wants of each alert what a pager needs.
func TestAlerts(t *testing.T) {
	for _, r := range load(t, "prometheus/alerting_rules.yml") {
		t.Run(r.Alert, func(t *testing.T) {
			severity := r.Labels["severity"]
			if !slices.Contains([]string{"info", "warning", "critical"}, severity) || r.For == "" && severity != "info" {
				t.Errorf("severity %q, for %q", severity, r.For)
			}

			reported := r.Annotations["summary"] + r.Annotations["description"]
			if !strings.Contains(r.Annotations["summary"], "$labels.instance") || !strings.Contains(reported, "$value") && strings.Contains(r.Expr, "group_") {
				t.Errorf("host and figure are not reported in %q", reported)
			}

			if strings.Contains(r.Expr, "tcphealth_group_") && !namesGroup(r.Annotations["description"]) {
				t.Errorf("the group is not named in %q", r.Annotations["description"])
			}

			if strings.Contains(r.Expr, "tcphealth_group_") && !strings.Contains(r.Annotations["summary"], "$labels.remote_address ") {
				t.Errorf("the group is not named in %q", r.Annotations["summary"])
			}

			requireDashboard(t, r.Annotations["dashboard_url"])

			if got, want := r.Annotations["runbook_url"], "http://{{ $labels.instance }}/runbooks/"+r.Alert; got != want {
				t.Errorf("the runbook is %q, expected %q", got, want)
			}

			requireRunbook(t, r.Alert)
		})
	}
}

// namesGroup reports whether a text has all labels that a group may have.
func namesGroup(text string) bool {
	for _, label := range []string{
		"role", "local_address", "local_port", "remote_address", "remote_port", "network", "congestion_algorithm",
		"namespace", "workload", "unit", "cgroup",
	} {
		if !strings.Contains(text, "$labels."+label+" ") {
			return false
		}
	}

	return true
}

// requireDashboard wants the URL of a dashboard that exists, with variables that it has.
func requireDashboard(t *testing.T, url string) {
	t.Helper()

	to := regexp.MustCompile(`^http://localhost:3000/d/tcphealth-([a-z]+)\?`).FindStringSubmatch(url)
	if to == nil {
		t.Fatalf("the dashboard is %q", url)
	}

	text, err := os.ReadFile("../dashboards/" + to[1] + ".json")
	if err != nil {
		t.Fatal(err)
	}

	for _, variable := range regexp.MustCompile(`var-([a-z_]+)=`).FindAllStringSubmatch(url, -1) {
		if !strings.Contains(string(text), `"name": "`+variable[1]+`"`) {
			t.Errorf("the dashboard has no variable %s", variable[1])
		}
	}
}

func requireRunbook(t *testing.T, alert string) {
	t.Helper()

	text, ok := runbooks.Read(alert)
	if !ok {
		t.Fatalf("there is no runbook docs/runbooks/%s.md", alert)
	}

	at := 0

	for _, section := range sections {
		next := strings.Index(string(text), section)
		if next < at {
			t.Fatalf("the section %q is missing or out of order", section)
		}

		at = next
	}

	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(text)
	if n := strings.Count("\n"+string(commands[1]), "\n# "); n != 3 {
		t.Errorf("%d first commands", n)
	}
}

// TestEachRunbookHasAnAlert finds runbooks that are left over.
func TestEachRunbookHasAnAlert(t *testing.T) {
	entries, err := os.ReadDir("../docs/runbooks")
	if err != nil {
		t.Fatal(err)
	}

	alerts := load(t, "prometheus/alerting_rules.yml")

	for _, e := range entries {
		name, isRunbook := strings.CutSuffix(e.Name(), ".md")
		if isRunbook && !slices.ContainsFunc(alerts, func(r rule) bool { return r.Alert == name }) {
			t.Errorf("no alert has the runbook %s", e.Name())
		}
	}
}

// TestEachAlertIsTested wants a unit test in which each alert waits, fires, and is over.
func TestEachAlertIsTested(t *testing.T) {
	text, err := os.ReadFile("prometheus/alerting_rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}

	var tests struct {
		Tests []struct {
			Name   string
			Checks []struct {
				Expr    string
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	if err := yaml.Unmarshal(text, &tests); err != nil {
		t.Fatal(err)
	}

	seen := make(map[string]bool)

	for _, test := range tests.Tests {
		for _, check := range test.Checks {
			if !strings.Contains(check.Expr, `alertname="`+test.Name+`"`) {
				continue
			}

			seen[test.Name+" over"] = seen[test.Name+" over"] || len(check.Samples) == 0 && seen[test.Name+" firing"]

			for _, s := range check.Samples {
				for _, state := range []string{"pending", "firing"} {
					seen[test.Name+" "+state] = seen[test.Name+" "+state] || strings.Contains(s.Labels, state)
				}
			}
		}
	}

	for _, r := range load(t, "prometheus/alerting_rules.yml") {
		for _, state := range []string{"pending", "firing", "over"} {
			if !seen[r.Alert+" "+state] && (r.For != "" || state != "pending") {
				t.Errorf("no unit test sees %s %s", r.Alert, state)
			}
		}
	}
}

// TestRanges wants ranges in which there are two samples if scrapes are five minutes
// apart.
func TestRanges(t *testing.T) {
	for _, r := range append(load(t, "prometheus/recording_rules.yml"), load(t, "prometheus/alerting_rules.yml")...) {
		for _, found := range regexp.MustCompile(`\[([0-9a-z]+)\]`).FindAllStringSubmatch(r.Expr, -1) {
			if length, err := time.ParseDuration(found[1]); err != nil || length < 11*time.Minute {
				t.Errorf("%s%s has the range %s, %v", r.Alert, r.Record, found[1], err)
			}
		}
	}
}

// TestBaseURLs wants URLs in one place, the configuration of the mixin.
func TestBaseURLs(t *testing.T) {
	files, err := filepath.Glob("mixin/*sonnet")
	if err != nil || len(files) < 5 {
		t.Fatalf("mixin: %q, %v", files, err)
	}

	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}

		code := regexp.MustCompile(`(?m)//.*$|: 'https?://`).FindAllString(string(text), -1)
		code = slices.DeleteFunc(code, func(found string) bool { return strings.HasPrefix(found, "//") })

		if want := map[string]int{"mixin/config.libsonnet": 2}[file]; len(code) != want {
			t.Errorf("%s has %d base URLs", file, len(code))
		}
	}
}

// TestNames wants each metric that a rule asks for to be in the catalogue.
func TestNames(t *testing.T) {
	known := make(map[string]bool)
	for _, m := range collector.Catalogue() {
		known[m.Name] = true
		if m.Type == "histogram" {
			known[m.Name+"_bucket"] = true
		}
	}

	recorded := make(map[string]bool)
	rules := append(load(t, "prometheus/recording_rules.yml"), load(t, "prometheus/alerting_rules.yml")...)

	for _, r := range rules {
		recorded[r.Record] = true
	}

	for _, r := range rules {
		for _, name := range regexp.MustCompile(`[a-z:]*tcphealth_[a-z0-9_:]+`).FindAllString(r.Expr, -1) {
			if !known[name] && !recorded[name] && name != "tcphealth_exporter_build_info" {
				t.Errorf("%s%s asks for %s, which is nowhere", r.Alert, r.Record, name)
			}
		}
	}
}
