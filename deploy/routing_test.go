package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// TestRoutes wants a page for critical alerts only, and no notification for info.
func TestRoutes(t *testing.T) {
	for severity, receiver := range map[string]string{"critical": "pager", "warning": "team", "info": "none"} {
		run(t, "alertmanager", "amtool", "config", "routes", "test", "--config.file=alertmanager.yml", "--verify.receivers="+receiver,
			"alertname=TCPHealthHalfOpen", "severity="+severity)
	}
}

// labels parses "HalfOpen critical role=client".
func labels(instance, alert string) map[string]string {
	words := strings.Fields(alert)
	all := map[string]string{"alertname": "TCPHealth" + words[0], "severity": words[1], "instance": instance}

	for _, pair := range words[2:] {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}

	return all
}

const (
	database = " role=client remote_address=10.0.0.9 remote_port=5432"
	cache    = " role=client remote_address=10.0.0.8 remote_port=6379"
	itself   = " role=client remote_address=127.0.0.1 remote_port=80"
	website  = " role=server local_port=443"
)

// inhibitionTable has pairs of alerts of one host, and whether the first inhibits the
// second.
var inhibitionTable = []struct {
	source, target string
	inhibits       bool
}{
	// Severities of one alert.
	{"HalfOpen critical" + database, "HalfOpen warning" + database, true},
	{"HalfOpen critical" + database, "HalfOpen warning" + cache, false},
	{"HalfOpen warning" + database, "HalfOpen critical" + database, false},
	{"ListenOverflow critical", "ListenOverflow warning", true},
	{"Stale critical" + database, "SYNUnanswered warning" + database, false},

	// A cause over STALE, never a warning over a page.
	{"HalfOpen critical cause=path_dead" + database, "Stale critical status=STALE" + database, true},
	{"HalfOpen warning cause=path_dead" + database, "Stale warning status=STALE" + database, true},
	{"SYNUnanswered critical" + database, "Stale warning" + database, true},
	{"MTUBlackHole critical" + website, "Stale critical" + website, true},
	{"MTUBlackHole warning" + database, "Stale critical" + database, false},
	{"HalfOpen warning" + database, "Stale critical" + database, false},
	{"HalfOpen critical" + database, "Stale critical" + cache, false},
	{"Stale critical" + database, "HalfOpen critical" + database, false},
	{"HalfOpen critical unit=a" + database, "Stale critical unit=b" + database, false},

	// Consequences of a dead path.
	{"HalfOpen warning" + database, "HighLoss warning" + database, true},
	{"HalfOpen critical" + database, "RTTDrift warning" + database, true},
	{"HalfOpen critical" + database, "PeerNotReading warning" + database, true},
	{"HalfOpen critical" + database, "HighLoss warning" + cache, false},
	{"HighLoss warning" + database, "HalfOpen critical" + database, false},
	{"HalfOpen warning" + database, "ConnectionsAborted warning" + database, true},
	{"SYNUnanswered warning" + database, "ConnectionsAborted warning" + database, true},
	{"Stale warning" + database, "AbortImminent info" + database, true},
	{"HalfOpen critical" + database, "AbortImminent info" + cache, false},
	{"HalfOpen critical" + database, "LocalApplicationNotReading warning" + database, false},

	// A full accept queue.
	{"ListenOverflow critical", "AcceptQueueFull warning local_port=80", true},
	{"ListenOverflow warning", "SYNUnanswered warning" + itself, true},
	{"ListenOverflow critical", "SYNUnanswered critical" + itself, true},
	{"ListenOverflow critical", "SYNUnanswered warning role=client remote_address=10.0.0.7", true},
	{"ListenOverflow critical", "SYNUnanswered critical" + database, false},
	{"AcceptQueueFull warning local_port=80", "SYNUnanswered warning" + itself, false},

	// An exporter that does not work.
	{"ExporterDown warning", "ListenOverflow critical", true},
	{"ExporterDown warning", "NoSamples warning", true},
	{"NoSamples warning", "HalfOpen critical" + database, true},
	{"NoSamples warning", "IntervalStretched warning", true},
	{"NoSamples warning", "ExporterDown warning", false},
	{"HalfOpen critical" + database, "NoSamples warning", false},
	{"TicksMissed warning", "HalfOpen critical" + database, false},
}

// TestInhibition posts the pairs to a real Alertmanager, each for a host of its own.
func TestInhibition(t *testing.T) {
	am := startAlertmanager(t)

	var posted []map[string]any

	for i, pair := range inhibitionTable {
		for _, alert := range []string{pair.source, pair.target} {
			posted = append(posted, map[string]any{"labels": labels(fmt.Sprintf("host-%d", i), alert)})
		}

		// The same source on another host must not matter.
		posted = append(posted, map[string]any{"labels": labels(fmt.Sprintf("other-%d", i), pair.target)})
	}

	am.post(t, posted)

	var complaints []string

	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if complaints = am.complaints(t, len(posted)); len(complaints) == 0 {
			return
		}
	}

	t.Error(strings.Join(complaints, "\n"))
}

type alertmanager struct{ url string }

func startAlertmanager(t *testing.T) alertmanager {
	t.Helper()
	netlab.RequireTool(t, "prometheus-alertmanager")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	address := l.Addr().String()
	_ = l.Close()

	cmd := exec.Command("prometheus-alertmanager", "--config.file=alertmanager/alertmanager.yml", "--storage.path="+t.TempDir(),
		"--web.listen-address="+address, "--cluster.listen-address=", "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})

	am := alertmanager{"http://" + address}

	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(am.url + "/-/ready")
		if err == nil {
			_ = answer.Body.Close()

			if answer.StatusCode == http.StatusOK {
				return am
			}
		}

		if time.Now().After(end) {
			t.Fatalf("Alertmanager is not ready: %v", err)
		}
	}
}

func (am alertmanager) post(t *testing.T, alerts any) {
	t.Helper()

	body, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}

	answer, err := http.Post(am.url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()

	if answer.StatusCode != http.StatusOK {
		t.Fatalf("posting alerts: %s", answer.Status)
	}
}

// complaints compares which alerts are inhibited with the table.
func (am alertmanager) complaints(t *testing.T, count int) (all []string) {
	t.Helper()

	answer, err := http.Get(am.url + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()

	var alerts []struct {
		Labels map[string]string
		Status struct{ InhibitedBy []string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&alerts); err != nil {
		t.Fatal(err)
	}

	if len(alerts) != count {
		return []string{fmt.Sprintf("Alertmanager has %d of %d alerts", len(alerts), count)}
	}

	inhibited := map[string]bool{}
	for _, a := range alerts {
		inhibited[fmt.Sprint(a.Labels)] = len(a.Status.InhibitedBy) > 0
	}

	for i, pair := range inhibitionTable {
		host := fmt.Sprintf("host-%d", i)
		if got := inhibited[fmt.Sprint(labels(host, pair.target))]; got != pair.inhibits {
			all = append(all, fmt.Sprintf("%s inhibits %s: %t", pair.source, pair.target, got))
		}

		if pair.inhibits && inhibited[fmt.Sprint(labels(host, pair.source))] || inhibited[fmt.Sprint(labels(fmt.Sprintf("other-%d", i), pair.target))] {
			all = append(all, fmt.Sprintf("%s inhibits %s, but the source or the same target of another host is inhibited", pair.source, pair.target))
		}
	}

	return all
}
