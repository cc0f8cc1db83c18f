package promlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tcphealth_exporter/internal/netlab"
)

const (
	address  = "127.0.0.1:9090" // within the namespace
	patience = 30 * time.Second
	poll     = 100 * time.Millisecond
)

// Job is one scrape configuration.
type Job struct {
	Name, Target string
	Interval     time.Duration
	// More is added to it, YAML lines without indentation.
	More []string
}

// Config configures Prometheus.
type Config struct {
	Jobs []Job
	// NativeHistograms has them scraped as protobuf and stored.
	NativeHistograms bool
	// RuleFiles are absolute paths, evaluated each Evaluation.
	RuleFiles  []string
	Evaluation time.Duration
	// Alertmanager is where alerts are sent, empty for nowhere.
	Alertmanager string
}

// Prometheus is a running server.
type Prometheus struct {
	tb     testing.TB
	client *http.Client
}

// Start starts Prometheus in the namespace, with a database of its own, until the test is over. It scrapes itself, too, as
// the job "prometheus".
func Start(tb testing.TB, ns *netlab.Namespace, cfg Config) *Prometheus {
	tb.Helper()
	netlab.RequireTool(tb, "prometheus")
	dir := tb.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(cfg.yaml()), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := []string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address,
		"--log.level=warn",
	}
	if cfg.NativeHistograms {
		args = append(args, "--enable-feature=native-histograms")
	}
	ns.Start(tb, "prometheus", args...)
	p := &Prometheus{tb: tb, client: ClientIn(ns)}
	tb.Cleanup(p.client.CloseIdleConnections)
	p.Await("ready", func() bool {
		answer, err := p.client.Get("http://" + address + "/-/ready")
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	})
	return p
}

// ClientIn returns an HTTP client whose connections are made inside a namespace.
func ClientIn(ns *netlab.Namespace) *http.Client {
	dial := func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		err = ns.DoErr(func() (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
			return err
		})
		return conn, err
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dial}}
}

func (c *Config) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global:\n  evaluation_interval: %dms\nrule_files: [%s]\n", max(c.Evaluation, time.Second).Milliseconds(), strings.Join(c.RuleFiles, ", "))
	if c.Alertmanager != "" {
		fmt.Fprintf(&b, "alerting:\n  alertmanagers:\n  - static_configs:\n    - targets: [%q]\n", c.Alertmanager)
	}
	b.WriteString("scrape_configs:\n")
	for _, j := range append(c.Jobs, Job{Name: "prometheus", Target: address, Interval: time.Second}) {
		fmt.Fprintf(&b, "- job_name: %s\n  scrape_interval: %dms\n  scrape_timeout: %dms\n  static_configs:\n  - targets: [%q]\n",
			j.Name, j.Interval.Milliseconds(), j.Interval.Milliseconds(), j.Target)
		for _, line := range j.More {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// Query evaluates an expression now. It must give a vector.
func (p *Prometheus) Query(expr string) model.Vector {
	p.tb.Helper()
	answer, err := p.client.PostForm("http://"+address+"/api/v1/query", url.Values{"query": {expr}})
	if err != nil {
		p.tb.Fatal(err)
	}
	defer answer.Body.Close()
	var reported struct {
		Error    string
		Warnings []string
		Data     struct {
			ResultType string
			Result     model.Vector
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&reported); err != nil || reported.Error != "" || len(reported.Warnings) > 0 {
		p.tb.Fatalf("query %s gave a %s: %v %s %q", expr, reported.Data.ResultType, err, reported.Error, reported.Warnings)
	}
	return reported.Data.Result
}

// Alert is an alert, pending or firing, with its rendered annotations.
type Alert struct {
	State               string
	Labels, Annotations map[string]string
}

// Alerts returns the current alerts.
func (p *Prometheus) Alerts() []Alert {
	p.tb.Helper()
	answer, err := p.client.Get("http://" + address + "/api/v1/alerts")
	if err != nil {
		p.tb.Fatal(err)
	}
	defer answer.Body.Close()
	var reported struct{ Data struct{ Alerts []Alert } }
	if err := json.NewDecoder(answer.Body).Decode(&reported); err != nil {
		p.tb.Fatal(err)
	}
	return reported.Data.Alerts
}

// Number evaluates an expression that gives one series.
func (p *Prometheus) Number(expr string) float64 {
	p.tb.Helper()
	vector := p.Query(expr)
	if len(vector) != 1 {
		p.tb.Fatalf("query %s gave %d series: %v", expr, len(vector), vector)
	}
	return float64(vector[0].Value)
}

// Await waits until something holds.
func (p *Prometheus) Await(what string, holds func() bool) {
	p.tb.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(poll) {
		if time.Now().After(end) {
			p.tb.Fatalf("waited %v for Prometheus to be %s", patience, what)
		}
	}
}
