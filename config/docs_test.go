package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/generated"
	"tcphealth_exporter/sampler"
)

const (
	examplePath = "../deploy/tcphealth_exporter.yml"
	docPath     = "../docs/configuration.md"
)

// TestGoldenExample: the example shows all defaults.
func TestGoldenExample(t *testing.T) {
	generated.Compare(t, examplePath, map[string]string{"": indent(renderCommented(judge.DefaultThresholds()), "    ")}, *update)
}

// TestGoldenDoc: the tables of the documentation are those of the code.
func TestGoldenDoc(t *testing.T) {
	generated.Compare(t, docPath, map[string]string{
		"settings": renderSettings(),
		"flags":    renderFlags(),
		"profiles": renderProfiles(),
	}, *update)
}

// TestExample: the example is good, and with nothing commented out it shows
// every default: auto becomes what it is even from nothing.
func TestExample(t *testing.T) {
	text := readFile(t, examplePath)

	c := parse(t, text)
	if diff := cmp.Diff(judge.DefaultThresholds(), c.profile(t, auto)); diff != "" {
		t.Errorf("auto as it stands there (-want +got):\n%s", diff)
	}

	if len(c.Rules) != 2 || c.Profiles[0].Name != auto || c.Grouping != nil {
		t.Errorf("%d rules, %s by default", len(c.Rules), c.Profiles[0].Name)
	}

	p := &parser{env: testEnv, known: judge.BuiltinProfiles()}
	p.known[0].Thresholds = new(judge.Thresholds)

	shown, err := p.parse(examplePath, []byte(uncomment(text)))
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(judge.DefaultThresholds(), shown.profile(t, auto)); diff != "" {
		t.Errorf("the defaults that are shown (-want +got):\n%s", diff)
	}

	if n := shown.Networks; n == nil || shown.Policy(func(*bytecode.Filter) func(*sampler.Socket) bool { return nil }).Networks != n {
		t.Error("the networks are not handed on")
	}

	if g := shown.Grouping; g == nil || !slices.Equal(g.Labels(), []string{"role", "local_port", "network"}) {
		t.Errorf("the groups that are shown are %v", g)
	}
}

// uncomment makes settings of what is commented out: prose has a blank behind
// the sign.
func uncomment(text string) string {
	return regexp.MustCompile(`(?m)^( *)#([a-z])`).ReplaceAllString(text, "$1$2")
}

// TestDocExample: the example of the documentation is good, and so is the error.
func TestDocExample(t *testing.T) {
	doc := readFile(t, docPath)

	_, groups, _ := strings.Cut(doc, "## Groups")
	_, groups, _ = strings.Cut(groups, "```yaml\n")
	groups, _, _ = strings.Cut(groups, "```")

	if c := parse(t, groups); !slices.Equal(c.Grouping.Labels(), []string{"role", "local_port", "network"}) {
		t.Errorf("groups by %v in:\n%s", c.Grouping.Labels(), groups)
	}

	for d := range group.NumDimensions {
		if !strings.Contains(doc, "`"+d.String()+"`") {
			t.Errorf("the documentation has no %s", d)
		}
	}

	_, text, _ := strings.Cut(doc, "```yaml\n")
	text, _, _ = strings.Cut(text, "```")

	if c := parse(t, text); len(c.Rules) != 1 {
		t.Errorf("%d rules in:\n%s", len(c.Rules), text)
	}

	e := mistake(t, "tcphealth_exporter.yml", strings.Replace(text, "rtt_high", "rtt_higher", 1))
	if !strings.Contains(doc, "error: "+e.Error()+"\n") {
		t.Errorf("the documentation doesn't show the error %v", e)
	}
}

// renderCommented renders limits as settings that are commented out.
func renderCommented(l *judge.Thresholds) string {
	var b strings.Builder

	fmt.Fprintf(&b, "# How long an answer may take before it is overdue; rtts lifts it to so many smoothed RTTs.\n#patience: %s\n",
		renderPatience(l))

	for i := range settingTable {
		s := &settingTable[i]
		fmt.Fprintf(&b, "# %s.\n#%s: %s\n", capital(s.meaning), s.name, renderSetting(s, l))
	}

	b.WriteString("# The levels of each flag, mildest first.\n#flags:\n")

	for f := range judge.NumFlags {
		fmt.Fprintf(&b, "  # %s.\n  #%s: %s\n", capital(f.Condition()), f, renderLevels(f.Unit(), l.Steps[f]))
	}

	return b.String()
}

func renderSetting(s *setting, l *judge.Thresholds) string {
	return notationTable[s.unit].format(s.get(l))
}

func renderPatience(l *judge.Thresholds) string {
	return fmt.Sprintf("{threshold: %s, rtts: %s}", formatSeconds(l.Patience.Threshold), formatNumber(l.Patience.RTTs))
}

func renderLevels(unit judge.Unit, steps []judge.Step) string {
	if len(steps) == 0 {
		return off
	}

	levels := make([]string, len(steps))

	for i, s := range steps {
		var figures []string

		if unit != judge.UnitNone {
			figures = append(figures, "threshold: "+notationTable[unit].format(s.Threshold))
		}

		if s.RTTs != 0 {
			figures = append(figures, "rtts: "+formatNumber(s.RTTs))
		}

		levels[i] = fmt.Sprintf("{%s}", strings.Join(append(figures, fmt.Sprintf("points: %d", s.Points)), ", "))
	}

	return "[" + strings.Join(levels, ", ") + "]"
}

// renderSettings renders the table of settings.
func renderSettings() string {
	var b strings.Builder

	l := judge.DefaultThresholds()

	fmt.Fprintf(&b, "| setting | default | |\n|---|---|---|\n")
	fmt.Fprintf(&b, "| `base` | `%s` | the profile to start from |\n", auto)
	fmt.Fprintf(&b, "| `patience` | `%s` | how long an answer may take before it is overdue; `rtts` lifts it to so many smoothed RTTs |\n",
		renderPatience(l))

	for i := range settingTable {
		s := &settingTable[i]
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", s.name, renderSetting(s, l), s.meaning)
	}

	b.WriteString("| `flags` | | the levels of each flag |\n")

	return b.String()
}

// renderFlags renders the table of flags.
func renderFlags() string {
	var b strings.Builder

	l := judge.DefaultThresholds()

	b.WriteString("| flag | cause | figure | unit | levels |\n|---|---|---|---|---|\n")

	for f := range judge.NumFlags {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | `%s` |\n", f, f.Cause(), f.Condition(), f.Unit(), renderLevels(f.Unit(), l.Steps[f]))
	}

	return b.String()
}

// renderProfiles renders in what the built-in profiles differ from auto.
func renderProfiles() string {
	var b strings.Builder

	b.WriteString("```yaml\n")

	all := judge.BuiltinProfiles()
	base := all[0].Thresholds

	for _, p := range all[1:] {
		fmt.Fprintf(&b, "%s:\n", p.Name)

		for i := range settingTable {
			if s := &settingTable[i]; s.get(p.Thresholds) != s.get(base) {
				fmt.Fprintf(&b, "  %s: %s\n", s.name, renderSetting(s, p.Thresholds))
			}
		}

		b.WriteString("  flags:\n")

		for f := range judge.NumFlags {
			if steps := p.Thresholds.Steps[f]; !slices.Equal(steps, base.Steps[f]) {
				fmt.Fprintf(&b, "    %s: %s\n", f, renderLevels(f.Unit(), steps))
			}
		}
	}

	b.WriteString("```\n")

	return b.String()
}

// TestDocProfiles: the built-in profiles are what the documentation makes them.
func TestDocProfiles(t *testing.T) {
	text := strings.NewReplacer("```yaml\n", "", "```\n", "", "messaging:", "a:", "bulk:", "b:").Replace(renderProfiles())
	c := parse(t, "profiles:\n"+indent(text, "  "))

	for i, name := range []string{auto, "a", "b"} {
		if diff := cmp.Diff(judge.BuiltinProfiles()[i].Thresholds, c.profile(t, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", judge.BuiltinProfiles()[i].Name, diff)
		}
	}
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(by + line)
	}

	return b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
