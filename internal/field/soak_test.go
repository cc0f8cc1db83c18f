package field

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

var soakFor = flag.Duration("field.soak", 0, "how long TestSoak runs all programs at once")

const (
	exporterAddress = "127.0.0.1:10047"
	leastRows       = 30
	scrapeInterval  = 15 * time.Second // As in the shipped configuration.
)

// soaking is the exporter, in the namespace of all clients, and who asks it.
type soaking struct {
	t          *testing.T
	worlds     []*world
	client     *http.Client
	prometheus *promlab.Prometheus

	polls, connections, unhealthy int
	// logged counts the connections above CAUTION that were logged, by row.
	logged map[string]int
}

// TestSoak runs the programs of all healthy rows at once. No alert of the shipped rules may fire, and no poll of the
// exporter's API may return a connection that is worse than CAUTION.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("takes an hour: make field-soak")
	}
	netlab.RequireRoot(t)
	s := &soaking{t: t, logged: map[string]int{}}
	near := netlab.New(t)
	s.startPrograms(near)
	s.startExporter(near)
	for end := time.Now().Add(*soakFor); time.Now().Before(end); time.Sleep(interval) {
		s.poll()
	}
	s.report()
}

func (s *soaking) startPrograms(near *netlab.Namespace) {
	s.t.Helper()
	for i := range rowTable {
		r := &rowTable[i]
		if r.where&soak == 0 {
			continue
		}
		for _, tool := range r.tools {
			netlab.RequireTool(s.t, tool)
		}
		w := newWorld(s.t, near, r, len(s.worlds)+1)
		r.run(w)
		s.worlds = append(s.worlds, w)
	}
	if len(s.worlds) < leastRows {
		s.t.Fatalf("%d rows are for the soak test, want %d", len(s.worlds), leastRows)
	}
}

// startExporter builds and starts the exporter and a Prometheus with the shipped rules.
func (s *soaking) startExporter(near *netlab.Namespace) {
	s.t.Helper()
	binary := filepath.Join(s.t.TempDir(), "tcphealth_exporter")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "tcphealth_exporter").CombinedOutput(); err != nil {
		s.t.Fatalf("build: %v\n%s", err, out)
	}
	near.Start(s.t, binary, "--web.listen-address="+exporterAddress)
	s.client = promlab.ClientIn(near)
	s.t.Cleanup(s.client.CloseIdleConnections)
	var rules []string
	for _, name := range []string{"alerting_rules.yml", "recording_rules.yml"} {
		path, err := filepath.Abs("../../deploy/prometheus/" + name)
		if err != nil {
			s.t.Fatal(err)
		}
		rules = append(rules, path)
	}
	s.prometheus = promlab.Start(s.t, near, promlab.Config{
		Jobs:      []promlab.Job{{Name: "tcphealth", Target: exporterAddress, Interval: scrapeInterval}},
		RuleFiles: rules, Evaluation: scrapeInterval,
	})
	s.prometheus.Await("scraping", func() bool { return len(s.prometheus.Query(`up{job="tcphealth"} == 1`)) > 0 })
}

// list is what the API returns.
type list struct {
	Total       int
	Connections []json.RawMessage
}

// poll asks the API for connections that are worse than CAUTION, and logs the first few of each row.
func (s *soaking) poll() {
	s.t.Helper()
	s.polls++
	s.connections = max(s.connections, s.ask("HEALTHY").Total)
	answer := s.ask("SUSPECT")
	for i := range answer.Connections {
		s.unhealthy++
		var c struct {
			RemoteAddress string `json:"remote_address"`
		}
		_ = json.Unmarshal(answer.Connections[i], &c)
		const maxLogged = 5
		row := s.name(c.RemoteAddress)
		if s.logged[row]++; s.logged[row] <= maxLogged {
			s.t.Errorf("%s, the lab stalled %d times so far: %s", row, s.stalls(), answer.Connections[i])
		}
	}
}

func (s *soaking) ask(minStatus string) (answer list) {
	s.t.Helper()
	response, err := s.client.Get("http://" + exporterAddress + "/api/v1/connections?limit=1000&min_status=" + minStatus)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// name returns the row that an address belongs to.
func (s *soaking) name(address string) string {
	for i := range s.worlds {
		if s.worlds[i].host == address {
			return s.worlds[i].row
		}
	}
	return address
}

// stalls returns how often the paths were late so far.
func (s *soaking) stalls() (n int) {
	for _, w := range s.worlds {
		n += w.stalls()
	}
	return n
}

// report prints what came of it, and fails the test if an alert fired.
func (s *soaking) report() {
	s.t.Helper()
	span := model.Duration(*soakFor).String()
	fired := s.prometheus.Query(`count by (alertname, severity, role, cause, remote_address, remote_port) (count_over_time(ALERTS{alertstate="firing"}[` + span + `]))`)
	informed := 0
	for _, alert := range fired {
		if alert.Metric["severity"] == "info" {
			informed++
			s.t.Logf("information: %v", alert.Metric)
			continue
		}
		s.t.Errorf("fired: %s %v", s.name(string(alert.Metric["remote_address"])), alert.Metric)
	}
	for row, n := range s.logged {
		fmt.Printf("%d polls above CAUTION: %s\n", n, row)
	}
	number := func(expr string) float64 { return s.prometheus.Number(expr) }
	fmt.Printf("%d programs, %v: at most %d connections, %d polls with %d above CAUTION, %d alerts, %d for information, the lab stalled %d times\n",
		len(s.worlds), *soakFor, s.connections, s.polls, s.unhealthy, len(fired)-informed, informed, s.stalls())
	fmt.Printf("scrapes succeeded: %.4f, exporter: %.2f %% CPU, %.1f MB\n", number(`avg_over_time(up{job="tcphealth"}[`+span+`])`),
		100*number(`rate(process_cpu_seconds_total{job="tcphealth"}[`+span+`])`), number(`process_resident_memory_bytes{job="tcphealth"}`)/(1<<20))
	for _, entries := range s.prometheus.Query(`sum by (status) (tcphealth_status_entries_total)`) {
		fmt.Printf("transitions into %s: %v\n", entries.Metric["status"], entries.Value)
	}
}
