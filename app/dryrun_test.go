package app

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/internal/netlab"
)

const dryRunPath = "testdata/dryrun.txt"

// TestGoldenDryRun counts the series of a recording.
func TestGoldenDryRun(t *testing.T) {
	diagtest.NeedsRecordings(t)

	code, got, stderr := runToEnd(t, "--dry-run", "--sampler.replay="+scenePath, "--web.disable-exporter-metrics",
		"--collector.connections.min-age=0s")
	if code != exitOK || strings.Contains(stderr, "error") {
		t.Fatalf("code %d, stderr %q", code, stderr)
	}

	if *update {
		if err := os.WriteFile(dryRunPath, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	if want := readFile(t, dryRunPath); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}

	// A scrape has the same series.
	for name, n := range seriesIn(t, readFile(t, "testdata/scene.prom")) {
		if !strings.HasPrefix(name, "tcphealth_") || name == "tcphealth_exporter_build_info" {
			continue
		}

		if !regexp.MustCompile(fmt.Sprintf(`(?m)^%s +%d$`, name, n)).MatchString(got) {
			t.Errorf("a scrape has %d series of %s", n, name)
		}
	}
}

// seriesIn counts the series of an exposition line by line.
func seriesIn(t *testing.T, text string) map[string]int {
	t.Helper()

	parser := expfmt.NewTextParser(model.UTF8Validation)

	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}

	counts := make(map[string]int)

	for name, f := range families {
		suffix := `[{ ]`
		if f.GetType() == dto.MetricType_HISTOGRAM {
			suffix = `(_bucket\{.*|_sum[{ ]|_count[{ ])`
		}

		counts[name] = len(regexp.MustCompile(`(?m)^`+name+suffix).FindAllString(text, -1))
	}

	return counts
}

// TestDryRunOverBudget: exceeding a budget is an error, unless the budget is zero.
func TestDryRunOverBudget(t *testing.T) {
	diagtest.NeedsRecordings(t)

	for _, tc := range []struct {
		flags []string
		code  int
		want  string
	}{
		{nil, exitOK, "12, 12 of them with series of their own (--collector.connections=500)"},
		{[]string{"--collector.connections=11"}, exitFailure, "12, 11 of them with series of their own (--collector.connections=11)"},
		{[]string{"--collector.connections=0"}, exitOK, "12, 0 of them with series of their own (--collector.connections=0)"},
		{[]string{"--collector.groups=3"}, exitFailure, "3 of them with series of their own (--collector.groups=3)"},
		{[]string{"--collector.listeners=1"}, exitFailure, ", 1 of them with series of their own (--collector.listeners=1)"},
		{[]string{"--collector.listeners=0"}, exitOK, ", 0 of them with series of their own (--collector.listeners=0)"},
		{[]string{"--collector.groups=0"}, exitOK, "0 of them with series of their own (--collector.groups=0)"},
	} {
		args := append([]string{"--dry-run", "--sampler.replay=" + scenePath, "--collector.connections.min-age=0s"}, tc.flags...)

		code, stdout, stderr := runToEnd(t, args...)
		if code != tc.code || !strings.Contains(stdout, tc.want) {
			t.Errorf("%q: code %d, printed\n%s", tc.flags, code, stdout)
		}

		if reported := strings.Contains(stderr, errOverBudget.Error()); reported != (tc.code != exitOK) {
			t.Errorf("%q: stderr %q", tc.flags, stderr)
		}
	}
}

// TestDryRunOfThisHost samples the kernel and opens no port.
func TestDryRunOfThisHost(t *testing.T) {
	netlab.RequireRoot(t)

	var stdout string

	code := 0
	ns := netlab.New(t)
	ns.Do(func() { code, stdout, _ = runToEnd(t, "--dry-run", "--web.listen-address=192.0.2.1:1") })

	for _, want := range []string{"tcphealth_kernel_active_opens_total ", "go_goroutines ", "\nseries ", "\nconnections  0, "} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("code %d, %q is missing in\n%s", code, want, stdout)
		}
	}
}

// TestDryRunOfBadInput fails as the program does.
func TestDryRunOfBadInput(t *testing.T) {
	code, stdout, stderr := runToEnd(t, "--dry-run", "--sampler.replay=/nowhere")
	if code != exitFailure || stdout != "" || !strings.Contains(stderr, "open recording: open /nowhere") {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// TestSettledNames: a dry run has no later sample in which a name may be known.
func TestSettledNames(t *testing.T) {
	name := settled(func(id uint64) (string, bool) { return map[uint64]string{1: "/a"}[id], id == 1 })

	for id, want := range map[uint64]string{1: "/a", 2: ""} {
		if got, final := name(id); got != want || !final {
			t.Errorf("%d: %q, final %t", id, got, final)
		}
	}
}
