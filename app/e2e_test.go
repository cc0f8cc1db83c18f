package app

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

// The shipped examples say so.
const (
	alertmanagerAddress = "127.0.0.1:9093"
	webhookAddress      = "127.0.0.1:9099"
	scrapeUser          = "prometheus"
	scrapePassword      = "example"
)

// e2ePatience is longer than any stage from a fault to its page, or from the repair to
// the end of the alert.
const e2ePatience = 4 * time.Minute

// TestEndToEnd interrupts the path of two connections, waits for the page, restores the
// path and waits for the end of the alert. The exporter requires TLS and a password,
// Prometheus has the shipped rules, Alertmanager the shipped routing. The test logs the
// duration of each stage.
func TestEndToEnd(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "prometheus-alertmanager")

	near, far := netlab.New(t), netlab.New(t)
	path := netlab.NewPath(t, near, far, 1)
	path.SetBoth(netlab.Conditions{Delay: 5 * time.Millisecond})

	pages := receivePages(t, near)
	x := secureExporter(t, near)
	x.requireRefusals(t)

	// One connection of a client would be a warning.
	for range 2 {
		converse(t, near, far, netip.AddrPortFrom(path.B.IPv4, 8443).String())
	}

	near.Start(t, "prometheus-alertmanager", "--config.file="+absolute(t, "../deploy/alertmanager/alertmanager.yml"),
		"--storage.path="+t.TempDir(), "--web.listen-address="+alertmanagerAddress, "--cluster.listen-address=", "--log.level=warn")
	p := promlab.Start(t, near, promlab.Config{
		Jobs:         []promlab.Job{x.job()},
		RuleFiles:    []string{absolute(t, "../deploy/prometheus/alerting_rules.yml"), absolute(t, "../deploy/prometheus/recording_rules.yml")},
		Evaluation:   5 * time.Second,
		Alertmanager: alertmanagerAddress,
	})

	holds := func(expr string) func() bool { return func() bool { return len(p.Query(expr)) > 0 } }
	alert := func(state string) func() bool {
		return holds(`ALERTS{alertname="TCPHealthHalfOpen", role="client", severity="critical", alertstate="` + state + `"}`)
	}

	p.Await("healthy", holds(`tcphealth_group_connections{role="client", status="HEALTHY"} > 0`))

	since := newTimeline(t)
	path.SetBoth(netlab.Conditions{Blackhole: true})
	since.await("flag", x.flagged)
	since.await("metric", holds(`tcphealth_group_unhealthy_connections{cause="path_dead", role="client"} > 0`))
	since.await("alert pending", alert("pending"))
	since.await("alert firing", alert("firing"))

	// Before the next timeout, since timeouts double.
	path.SetBoth(netlab.Conditions{Delay: 5 * time.Millisecond})
	since.await("webhook", func() bool { return pages.have("/pager", "firing", "TCPHealthHalfOpen") })

	repaired := newTimeline(t)
	repaired.await("HEALTHY", holds(`sum(tcphealth_group_unhealthy_connections) == 0`))
	repaired.await("alert over", func() bool { return !alert("firing")() })
	repaired.await("webhook", func() bool { return pages.have("/pager", "resolved", "TCPHealthHalfOpen") })

	if pages.have("/pager", "firing", "TCPHealthStale") {
		t.Error("the routing did not keep TCPHealthStale quiet")
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()

	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}

	return full
}

// timeline logs when stages are reached.
type timeline struct {
	t     *testing.T
	began time.Time
}

func newTimeline(t *testing.T) *timeline { return &timeline{t, time.Now()} }

func (l *timeline) await(stage string, reached func() bool) {
	l.t.Helper()

	for !reached() {
		if time.Since(l.began) > e2ePatience {
			l.t.Fatalf("%q is not reached after %v", stage, e2ePatience)
		}

		time.Sleep(50 * time.Millisecond)
	}

	l.t.Logf("%-13s after %5.1f s", stage, time.Since(l.began).Seconds())
}

// converse makes a client send a message five times a second and read the answers.
func converse(t *testing.T, near, far *netlab.Namespace, address string) {
	t.Helper()

	client, server := netlab.Connect(t, near, far, "tcp4", address)
	done := make(chan struct{})

	t.Cleanup(func() { close(done) })

	go func() { _, _ = io.Copy(server, server) }()
	go func() { _, _ = io.Copy(io.Discard, client) }()
	go func() {
		for message := make([]byte, 300); ; {
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond):
				_, _ = client.Write(message)
			}
		}
	}()
}

// pageLog has the notifications that the webhook received.
type pageLog struct {
	got chan page
	all []page
}

// page is a notification of Alertmanager.
type page struct {
	path   string
	Alerts []struct {
		Status string
		Labels map[string]string
	}
}

func receivePages(t *testing.T, ns *netlab.Namespace) *pageLog {
	t.Helper()

	pages := &pageLog{got: make(chan page, 100)}
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p := page{path: r.URL.Path}
		if err := json.NewDecoder(r.Body).Decode(&p); err == nil {
			pages.got <- p
		}
	})}
	listener := ns.Listen(t, "tcp4", webhookAddress)

	go func() { _ = server.Serve(listener) }()

	t.Cleanup(func() { _ = server.Close() })

	return pages
}

// have reports whether a notification of an alert was received.
func (p *pageLog) have(path, status, alert string) bool {
	for len(p.got) > 0 {
		p.all = append(p.all, <-p.got)
	}

	for _, one := range p.all {
		for _, a := range one.Alerts {
			if one.path == path && a.Status == status && a.Labels["alertname"] == alert {
				return true
			}
		}
	}

	return false
}

// secured is an exporter with the shipped web.yml.
type secured struct {
	client *http.Client
	caFile string
}

func secureExporter(t *testing.T, ns *netlab.Namespace) *secured {
	t.Helper()

	dir := t.TempDir()
	roots := writeCertificate(t, dir)

	text, err := os.ReadFile("../deploy/web.yml")
	if err != nil {
		t.Fatal(err)
	}

	config := filepath.Join(dir, "web.yml")
	writeFile(t, config, string(text))

	for example, own := range map[string]string{"tcphealth.crt": "cert.pem", "tcphealth.key": "key.pem"} {
		if err := os.Symlink(own, filepath.Join(dir, example)); err != nil {
			t.Fatal(err)
		}
	}

	ns.Start(t, binary(t), "--web.listen-address="+exporterAddress, "--web.config.file="+config)

	client := promlab.ClientIn(ns)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12} //nolint:forcetypeassert // it is ours
	t.Cleanup(client.CloseIdleConnections)

	x := &secured{client, filepath.Join(dir, "tcphealth.crt")}
	newTimeline(t).await("ready", func() bool { return x.status(t, "/-/ready", true) == http.StatusOK })

	return x
}

// job returns the scrape configuration.
func (x *secured) job() promlab.Job {
	return promlab.Job{Name: "tcphealth", Target: exporterAddress, Interval: 5 * time.Second, More: []string{
		"scheme: https", "tls_config: {ca_file: " + x.caFile + "}",
		"basic_auth: {username: " + scrapeUser + ", password: " + scrapePassword + "}",
	}}
}

// status makes a request and returns the status code, zero without an answer.
func (x *secured) status(t *testing.T, path string, authorized bool) int {
	t.Helper()

	answer, err := x.get(path, authorized)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()

	return answer.StatusCode
}

func (x *secured) get(path string, authorized bool) (*http.Response, error) {
	request, err := http.NewRequest(http.MethodGet, "https://"+exporterAddress+path, nil)
	if err != nil {
		return nil, err
	}

	if authorized {
		request.SetBasicAuth(scrapeUser, scrapePassword)
	}

	return x.client.Do(request)
}

// requireRefusals makes requests without the password, with a wrong one, and without TLS.
func (x *secured) requireRefusals(t *testing.T) {
	t.Helper()

	for _, path := range []string{"/metrics", "/api/v1/connections", "/-/ready", "/runbooks/TCPHealthHalfOpen"} {
		if got := x.status(t, path, false); got != http.StatusUnauthorized {
			t.Errorf("%s without the password: %d", path, got)
		}
	}

	request, _ := http.NewRequest(http.MethodGet, "https://"+exporterAddress+"/metrics", nil)
	request.SetBasicAuth(scrapeUser, "wrong")

	answer, err := x.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}

	_ = answer.Body.Close()

	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password is answered with %d", answer.StatusCode)
	}

	plain, err := x.client.Get("http://" + exporterAddress + "/metrics")
	if err == nil {
		_ = plain.Body.Close()
	}

	if err == nil && plain.StatusCode == http.StatusOK {
		t.Error("it answers without TLS")
	}
}

// flagged reports whether the API has a connection with a dead path.
func (x *secured) flagged() bool {
	answer, err := x.get("/api/v1/connections?min_status=SUSPECT", true)
	if err != nil {
		return false
	}
	defer answer.Body.Close()

	var list struct {
		Connections []struct{ Cause string }
	}

	return json.NewDecoder(answer.Body).Decode(&list) == nil && len(list.Connections) > 0 && slices.ContainsFunc(list.Connections,
		func(c struct{ Cause string }) bool { return c.Cause == "path_dead" })
}
