package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

// installed are the files that the commands of the README create.
var installed = []string{"tcphealth/alerting_rules.yml", "tcphealth/recording_rules.yml"}

// edited are files of the administrator, or of Debian's packages.
var edited = []string{"prometheus.yml", "alertmanager.yml", "alerting_rules.yml", "recording_rules.yml"}

// installing returns what the README lists in a language to get the first alert, the first block of it.
func installing(t *testing.T, language string) string {
	t.Helper()

	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}

	_, section, _ := strings.Cut(string(text), "\nTo get the first alert on Debian:\n")

	block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(section)
	if block == nil {
		t.Fatalf("the README has no %s to get the first alert", language)
	}

	return block[1]
}

// install runs the commands of the README in a checkout that only its owner may read, with directory as /etc/prometheus.
// Nothing is built, and no package is installed.
func install(t *testing.T, directory string) {
	t.Helper()

	checkout := t.TempDir()
	for _, name := range []string{"prometheus/prometheus", "prometheus/alerting_rules", "prometheus/recording_rules", "alertmanager/alertmanager"} {
		text, err := os.ReadFile(name + ".yml")
		if err != nil {
			t.Fatal(err)
		}

		write(t, filepath.Join(checkout, "deploy", name+".yml"), string(text))
	}

	commands := strings.ReplaceAll(installing(t, "sh"), "/etc/prometheus", directory)
	if strings.Contains(commands, "/etc/") {
		t.Fatalf("the commands write elsewhere:\n%s", commands)
	}

	cmd := exec.Command("bash", "-euc", "umask 022; sudo() { \"$@\"; }; make() { :; }; apt() { :; }; systemctl() { :; }\n"+commands)
	cmd.Dir = checkout

	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// write creates a file that only its owner may read, and its directory.
func write(t *testing.T, path, text string) {
	t.Helper()

	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestInstallOverwritesNothing runs the commands of the README where all files exist.
func TestInstallOverwritesNothing(t *testing.T) {
	directory := t.TempDir()

	names := slices.Concat(edited, installed)
	for _, name := range names {
		write(t, filepath.Join(directory, name), "# edited\n")
	}

	install(t, directory)

	for _, name := range names {
		if text, err := os.ReadFile(filepath.Join(directory, name)); string(text) != "# edited\n" {
			t.Errorf("%s is overwritten, %v", name, err)
		}
	}
}

// TestInstallAddsRules runs the commands of the README, and has Prometheus find the rules by the glob of the README.
func TestInstallAddsRules(t *testing.T) {
	directory := t.TempDir()
	install(t, directory)

	for _, name := range installed {
		info, err := os.Stat(filepath.Join(directory, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o644 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}

	for _, name := range edited {
		if _, err := os.Stat(filepath.Join(directory, name)); !os.IsNotExist(err) {
			t.Errorf("%s is created, %v", name, err)
		}
	}

	netlab.RequireTool(t, "promtool")
	write(t, filepath.Join(directory, "prometheus.yml"), "rule_files:\n"+installing(t, "yaml"))

	out, err := exec.Command("promtool", "check", "config", filepath.Join(directory, "prometheus.yml")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SUCCESS: 2 rule files found") {
		t.Errorf("%v\n%s", err, out)
	}
}
