package app

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

// fault is an injected fault that makes an alert fire.
type fault struct {
	alert string
	port  uint16
	// begin injects the fault on path; address is that of the server in far.
	begin func(t *testing.T, near, far *netlab.Namespace, path *netlab.Path, address string)
}

// liveConditions returns a delay of 10 ms each way.
func liveConditions() netlab.Conditions { return netlab.Conditions{Delay: 10 * time.Millisecond} }

// faultsOfAlerts returns one fault for each of the main alerts.
func faultsOfAlerts() []fault {
	return []fault{
		{"TCPHealthHalfOpen", 8001, func(t *testing.T, near, far *netlab.Namespace, path *netlab.Path, address string) {
			converse(t, near, far, address)
			time.Sleep(time.Second)
			path.SetBoth(netlab.Conditions{Blackhole: true})
		}},
		{"TCPHealthHighLoss", 8002, func(t *testing.T, near, far *netlab.Namespace, path *netlab.Path, address string) {
			for range 4 {
				converse(t, near, far, address)
			}

			lossy := liveConditions()
			lossy.Loss = 0.15 // more would make paths look dead
			path.SetBoth(lossy)
		}},
		{"TCPHealthMTUBlackHole", 8003, func(t *testing.T, near, far *netlab.Namespace, path *netlab.Path, address string) {
			client, server := netlab.Connect(t, near, far, "tcp4", address)

			go func() { _, _ = io.Copy(io.Discard, server) }()

			hole := liveConditions()
			hole.MTUHole = 1400
			path.SetBoth(hole)
			_, _ = client.Write(make([]byte, 100))
			time.Sleep(time.Second)
			_, _ = client.Write(make([]byte, 40_000))
		}},
		{"TCPHealthSYNUnanswered", 8004, func(_ *testing.T, near, _ *netlab.Namespace, path *netlab.Path, address string) {
			path.SetBoth(netlab.Conditions{Blackhole: true})

			go near.Do(func() { _, _ = net.DialTimeout("tcp4", address, e2ePatience) })
		}},
		{"TCPHealthPeerNotReading", 8005, func(t *testing.T, near, far *netlab.Namespace, _ *netlab.Path, address string) {
			client, _ := netlab.Connect(t, near, far, "tcp4", address)

			go func() {
				for chunk := make([]byte, 1<<16); ; {
					if _, err := client.Write(chunk); err != nil {
						return
					}
				}
			}()
		}},
	}
}

// TestAlertsOfFaults injects each of the main faults on a path of its own. The matching
// alert must fire in a real Prometheus with the shipped rules, and no unrelated alert may.
// The test logs the texts of the alerts.
func TestAlertsOfFaults(t *testing.T) {
	netlab.RequireRoot(t)

	near := netlab.New(t)
	near.Start(t, binary(t), "--web.listen-address="+exporterAddress)

	client := promlab.ClientIn(near)
	t.Cleanup(client.CloseIdleConnections)
	newTimeline(t).await("ready", func() bool {
		answer, err := client.Get("http://" + exporterAddress + "/-/ready")
		if err != nil {
			return false
		}

		_ = answer.Body.Close()

		return answer.StatusCode == http.StatusOK
	})

	p := promlab.Start(t, near, promlab.Config{
		Jobs:       []promlab.Job{{Name: "tcphealth", Target: exporterAddress, Interval: 5 * time.Second}},
		RuleFiles:  []string{absolute(t, "../deploy/prometheus/alerting_rules.yml"), absolute(t, "../deploy/prometheus/recording_rules.yml")},
		Evaluation: 5 * time.Second,
	})
	ports := make(map[string]string)
	since := newTimeline(t)

	for i, f := range faultsOfAlerts() {
		far := netlab.New(t)
		path := netlab.NewPath(t, near, far, i+1)
		path.SetBoth(liveConditions())

		address := netip.AddrPortFrom(path.B.IPv4, f.port).String()
		ports[f.alert] = address
		f.begin(t, near, far, path, address)
	}

	for _, f := range faultsOfAlerts() {
		since.await(f.alert, func() bool {
			return len(p.Query(`ALERTS{alertstate="firing", alertname="`+f.alert+`"}`)) > 0
		})
	}

	expected := map[string]bool{"TCPHealthStale": true, "TCPHealthAbortImminent": true} // of the same connections
	for alert := range ports {
		expected[alert] = true
	}

	for _, alert := range p.Alerts() {
		if alert.State != "firing" {
			continue
		}

		name := alert.Labels["alertname"]
		text := alert.Annotations["summary"] + "\n" + alert.Annotations["description"]

		t.Logf("%s (%s)\n%s", name, alert.Labels["severity"], text)

		if !expected[name] {
			t.Errorf("%s fires unexpectedly", name)
		}

		for _, want := range []string{"NaN", "<no value>", "<nil>", "{{", "%!"} {
			if strings.Contains(text, want) {
				t.Errorf("the text of %s contains %q", name, want)
			}
		}

		if address := ports[name]; address != "" && !strings.Contains(text, address) && !strings.Contains(text, strings.Split(address, ":")[1]) {
			t.Errorf("%s does not name %s", name, address)
		}
	}
}
