package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

var holdDashboards = flag.Duration("dashboards.hold", 0,
	"let the lab of TestDashboardsHaveData run for so long, faults from its second third on, to look at the dashboards")

// TestDashboardsHaveData runs the queries of all panels and variables of the dashboards on
// a real Prometheus, which scrapes a host with connections and faults of all kinds.
func TestDashboardsHaveData(t *testing.T) {
	netlab.RequireRoot(t)

	w := newWard(t)
	w.ns.Start(t, binary(t), "--web.listen-address="+exporterAddress, "--collector.connections.min-age=1s")
	p := promlab.Start(t, w.ns, promlab.Config{
		Jobs:       []promlab.Job{{Name: "tcphealth", Target: exporterAddress, Interval: scrapedEach}},
		RuleFiles:  []string{absolute(t, "../deploy/prometheus/alerting_rules.yml"), absolute(t, "../deploy/prometheus/recording_rules.yml")},
		Evaluation: scrapedEach,
	})

	time.Sleep(*holdDashboards / 3)
	w.injectFaults(t)
	p.Await("a dead path", func() bool {
		return len(p.Query(`tcphealth_group_unhealthy_connections{cause="path_dead"} > 0`)) > 0
	})

	queries := queriesOfDashboards(t)
	if len(queries) < 100 {
		t.Fatalf("only %d queries found", len(queries))
	}

	// All queries must have data in the same round, since gauges come and go.
	missing := map[string]string{}
	for range 12 {
		missing = map[string]string{}

		for where, query := range queries {
			if !hasNumber(p, query) {
				missing[where] = query
			}
		}

		if len(missing) == 0 {
			break
		}

		time.Sleep(scrapedEach)
	}

	for where, query := range missing {
		t.Errorf("%s: no data for %s", where, query)
	}

	time.Sleep(*holdDashboards * 2 / 3)
}

// scrapedEach is the scrape interval of the lab.
const scrapedEach = 5 * time.Second

// hasNumber reports whether a query returns a number other than NaN.
func hasNumber(p *promlab.Prometheus, query string) bool {
	for _, s := range p.Query(query) {
		if !math.IsNaN(float64(s.Value)) {
			return true
		}
	}

	return false
}

// queriesOfDashboards returns the queries by their places, with variables replaced by
// their default values.
func queriesOfDashboards(t *testing.T) map[string]string {
	t.Helper()

	files, err := filepath.Glob("../dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}

	chosen := strings.NewReplacer(`instance="$instance"`, `instance="`+exporterAddress+`"`, "$__rate_interval", "30s")
	all := regexp.MustCompile(`\$[a-z_]+`)
	valuesOf := regexp.MustCompile(`^label_values\((.*), ([a-z_]+)\)$`)
	queries := map[string]string{}

	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}

		var board struct {
			Templating struct {
				List []struct{ Name, Definition string }
			}
			Panels []struct {
				Title   string
				Targets []struct{ Expr, RefID string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatal(err)
		}

		ask := func(where, query string) {
			queries[filepath.Base(file)+", "+where] = all.ReplaceAllString(chosen.Replace(query), ".*")
		}

		for _, v := range board.Templating.List[1:] {
			values := valuesOf.FindStringSubmatch(v.Definition)
			if values == nil {
				t.Fatalf("%s: the variable %s asks for %q", file, v.Name, v.Definition)
			}

			ask("variable "+v.Name, fmt.Sprintf(`count by (%s) (%s)`, values[2], values[1]))
		}

		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				ask(panel.Title+" "+target.RefID, target.Expr)
			}
		}
	}

	return queries
}

// ward is a host with connections of all kinds, all healthy at first.
type ward struct {
	ns, peers *netlab.Namespace
	paths     []*netlab.Path
}

// The paths of a ward.
const (
	wellPath = iota
	dyingPath
	lossyPath
	slowingPath
	numPaths
)

func newWard(t *testing.T) *ward {
	t.Helper()

	w := &ward{ns: netlab.New(t), peers: netlab.New(t)}
	for i := range numPaths {
		path := netlab.NewPath(t, w.ns, w.peers, i+1)
		path.SetBoth(netlab.Conditions{Delay: time.Duration(2+3*i) * time.Millisecond})
		w.paths = append(w.paths, path)
	}

	for range 3 {
		converse(t, w.ns, w.peers, w.at(wellPath, 5432))
	}

	converse(t, w.ns, w.peers, w.at(dyingPath, 8443))
	converse(t, w.ns, w.peers, w.at(lossyPath, 6379))
	converse(t, w.ns, w.peers, w.at(slowingPath, 9200))
	converse(t, w.peers, w.ns, netip.AddrPortFrom(w.paths[wellPath].A.IPv4, 443).String())

	stream(t, w.ns, w.peers, w.at(lossyPath, 873))

	return w
}

// at is the address of a peer behind a path.
func (w *ward) at(path int, port uint16) string {
	return netip.AddrPortFrom(w.paths[path].B.IPv4, port).String()
}

// injectFaults injects all faults that the dashboards show.
func (w *ward) injectFaults(t *testing.T) {
	t.Helper()

	// A peer and a local application stop reading.
	client, _ := netlab.Connect(t, w.ns, w.peers, "tcp4", w.at(wellPath, 9092))
	go writeOn(client, 10_000)

	sender, _ := netlab.Connect(t, w.peers, w.ns, "tcp4", netip.AddrPortFrom(w.paths[wellPath].A.IPv4, 8080).String())
	go writeOn(sender, 1000) // slowly, so that the queue grows over several samples

	// A local application does not close.
	_, leaving := netlab.Connect(t, w.ns, w.peers, "tcp4", w.at(wellPath, 11211))
	_ = leaving.Close()

	// A local listener does not accept.
	w.ns.Sysctl(t, "net.core.somaxconn", "4")
	crowded := w.ns.Listen(t, "tcp4", netip.AddrPortFrom(w.paths[wellPath].A.IPv4, 8000).String())

	for range 4 {
		w.peers.Dial(t, "tcp4", crowded.Addr().String())
	}

	w.paths[dyingPath].SetBoth(netlab.Conditions{Blackhole: true})
	w.paths[lossyPath].Set(netlab.AToB, netlab.Conditions{Delay: 8 * time.Millisecond, Loss: 0.08, Seed: 1})
	w.paths[slowingPath].SetBoth(netlab.Conditions{Delay: 90 * time.Millisecond, Jitter: 20 * time.Millisecond})

	w.knock(t)
}

// knock attempts one connection after the other through the dying path.
func (w *ward) knock(t *testing.T) {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)

	go func() {
		for ctx.Err() == nil {
			_ = w.ns.DoErr(func() error {
				c, err := (&net.Dialer{Timeout: 20 * time.Second}).DialContext(ctx, "tcp4", w.at(dyingPath, 22))
				if err == nil {
					_ = c.Close()
				}

				return err
			})
		}
	}()
}

// stream makes a client send at up to a megabyte per second.
func stream(t *testing.T, from, to *netlab.Namespace, address string) {
	t.Helper()

	client, server := netlab.Connect(t, from, to, "tcp4", address)

	go func() { _, _ = io.Copy(io.Discard, server) }()
	go func() {
		for chunk := make([]byte, 50_000); ; time.Sleep(50 * time.Millisecond) {
			if _, err := client.Write(chunk); err != nil {
				return
			}
		}
	}()
}

// writeOn writes size bytes every 20 ms until the connection is closed.
func writeOn(c net.Conn, size int) {
	for chunk := make([]byte, size); ; time.Sleep(20 * time.Millisecond) {
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}
