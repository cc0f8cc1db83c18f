package collector_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
)

// TestExemplars names the connection on which a flag was raised last.
func TestExemplars(t *testing.T) {
	s := flagsScene(t)
	at := sampledAt.Truncate(time.Second)
	long := strings.Repeat("1234:", 7) + "5678" // as long as an IPv6 address can be

	for f, id := range map[judge.Flag]export.Identity{
		judge.LossHigh:     identity("10.0.0.1", "443", "10.0.0.9", "51555"),
		judge.RTTHigh:      identity("2001:db8::1", "443", "2001:db8::9", "1001"),
		judge.RTTDrift:     identity("fe80::1%eth0", "22", "fe80::2%eth0", "50000"),
		judge.Flapping:     identity("2001:db8::1", "22", "fe80::2%eth0", "50000"),
		judge.LossDetected: identity(long+"%abcdefghijklmno", "65535", long+"%abcdefghijklmno", "65535"),
	} {
		s.LastActivated[f] = health.Activation{Identity: id, At: at}
	}

	body := string(expose(t, serving(s), expfmt.NewFormat(expfmt.TypeOpenMetrics)))
	want := map[string]string{
		"loss_high":     "10.0.0.1:443->10.0.0.9:51555",
		"rtt_high":      "[2001:db8::1]:443->[2001:db8::9]:1001",
		"rtt_drift":     "[fe80::1%eth0]:22->[fe80::2]:50000",
		"flapping":      "[2001:db8::1]:22->[fe80::2%eth0]:50000",
		"loss_detected": "[" + long + "%abcdefghijklmno]:65535->[" + long + "]:65535",
	}

	for line := range strings.Lines(body) {
		name, labels, _ := strings.Cut(line, `_events_total{flag="`)
		if name != "tcphealth_flag" {
			if strings.Contains(line, " # ") && !strings.HasPrefix(line, "#") {
				t.Errorf("an exemplar of something else: %s", line)
			}

			continue
		}

		flag, rest, _ := strings.Cut(labels, `"`)
		_, exemplar, _ := strings.Cut(strings.TrimSpace(rest), " # ")

		expected := ""
		if name := want[flag]; name != "" {
			expected = `{connection="` + name + `"} 1.0 1.7953488e+09`

			if n := utf8.RuneCountInString("connection" + name); n > 128 {
				t.Errorf("%d runes in the labels of %s", n, exemplar)
			}
		}

		if exemplar != expected {
			t.Errorf("%s: exemplar %q, expected %q", flag, exemplar, expected)
		}

		delete(want, flag)
	}

	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}

	if text := string(expose(t, serving(s), textFormat())); strings.Contains(text, "{connection") {
		t.Error("an exemplar in a format without exemplars")
	}
}
