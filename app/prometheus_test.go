package app

import (
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

var promFor = flag.Duration("prometheus.for", 25*time.Second, "how long a real Prometheus scrapes under churn")

// exporterAddress is the exporter's address in a test's namespace.
const exporterAddress = "127.0.0.1:10047"

// exporterIn starts the built program in the namespace and waits for its first sample.
func exporterIn(t *testing.T, ns *netlab.Namespace, args ...string) *http.Client {
	t.Helper()

	ns.Start(t, binary(t), append([]string{"--web.listen-address=" + exporterAddress}, args...)...)
	client := promlab.ClientIn(ns)
	t.Cleanup(client.CloseIdleConnections)

	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get("http://" + exporterAddress + "/-/ready")
		if err == nil {
			_ = answer.Body.Close()
		}

		if err == nil && answer.StatusCode == http.StatusOK {
			return client
		}

		if time.Now().After(end) {
			t.Fatal("the exporter does not become ready")
		}
	}
}

// churn opens connections to three servers in the namespace at a rate, and resets them
// after up to two seconds, so that ports are reused at once. It returns the number of
// opened connections.
func churn(t *testing.T, ns *netlab.Namespace, perSecond int) *atomic.Int64 {
	t.Helper()
	ns.Sysctl(t, "net.ipv4.ip_local_port_range", "20000 20999")

	var (
		opened    atomic.Int64
		servers   []string
		listeners []net.Listener
		routines  sync.WaitGroup
	)

	for range 3 {
		l := ns.Listen(t, "tcp4", "127.0.0.1:0")
		servers, listeners = append(servers, l.Addr().String()), append(listeners, l)

		routines.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}

				go func() {
					_, _ = io.Copy(c, c)
					_ = c.Close()
				}()
			}
		})
	}

	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)

		for _, l := range listeners {
			_ = l.Close()
		}

		routines.Wait()
	})

	routines.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(perSecond))
		defer ticker.Stop()

		random := rand.New(rand.NewPCG(1, 2))

		ns.Do(func() { // Dial uses this thread
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case <-ticker.C:
				}

				c, err := net.DialTimeout("tcp4", servers[n%len(servers)], time.Second)
				if err != nil {
					continue // no port is free
				}

				opened.Add(1)
				live(c.(*net.TCPConn), time.Duration(random.Int64N(int64(2*time.Second)))) //nolint:forcetypeassert // TCP was dialed
			}
		})
	})

	return &opened
}

// live exchanges a few bytes during its lifetime and ends with RST.
func live(c *net.TCPConn, lifetime time.Duration) {
	_, _ = c.Write([]byte("hello"))

	time.AfterFunc(lifetime, func() {
		_ = c.SetLinger(0)
		_ = c.Close()
	})
}

// TestPrometheusUnderChurn: a real Prometheus scrapes the program while 500 connections
// are opened and closed per second.
func TestPrometheusUnderChurn(t *testing.T) {
	netlab.RequireRoot(t)

	const (
		connections = 200
		groups      = 5
	)

	ns := netlab.New(t)
	client := exporterIn(t, ns, fmt.Sprintf("--collector.connections=%d", connections), fmt.Sprintf("--collector.groups=%d", groups),
		"--collector.connections.min-age=0s", "--collector.connections.set=full,health,trend,tcp", "--sampler.recheck-interval=100ms")
	opened := churn(t, ns, 500)
	p := promlab.Start(t, ns, promlab.Config{
		Jobs:             []promlab.Job{{Name: "tcphealth", Target: exporterAddress, Interval: time.Second}},
		NativeHistograms: true,
	})

	time.Sleep(*promFor)

	window := fmt.Sprintf("[%ds]", int(promFor.Seconds())+60)
	requireScraped(t, p, window)
	requireNoFall(t, p, window)
	requireBudget(t, p, window, connections, groups)

	if n := p.Number(`sum(histogram_count(tcphealth_group_rtt_seconds))`); n == 0 {
		t.Error("no native histogram was ingested")
	}

	promtool(t, "/metrics", body(t, client, "http://"+exporterAddress+"/metrics"))

	churned := float64(opened.Load()) / promFor.Seconds()
	t.Logf("%.0f connections a second, %.0f scrapes of up to %.0f samples, %.0f identities, ticks of %.2f ms, RSS %.0f MB", churned,
		p.Number(`sum(count_over_time(up{job="tcphealth"}`+window+`))`),
		p.Number(`max(max_over_time(scrape_samples_scraped{job="tcphealth"}`+window+`))`),
		p.Number(`count(count_over_time(tcphealth_connection_first_seen_timestamp_seconds`+window+`))`),
		1e3*p.Number(`histogram_sum(tcphealth_sampler_tick_duration_seconds)/histogram_count(tcphealth_sampler_tick_duration_seconds)`),
		p.Number(`max(max_over_time(process_resident_memory_bytes{job="tcphealth"}`+window+`))`)/1e6)

	if churned < 300 {
		t.Errorf("only %.0f connections a second", churned)
	}
}

// body gets a page.
func body(t *testing.T, client *http.Client, url string) string {
	t.Helper()

	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()

	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, answer.Status, err)
	}

	return string(text)
}

// requireScraped fails unless every scrape succeeded and every sample was taken.
func requireScraped(t *testing.T, p *promlab.Prometheus, window string) {
	t.Helper()

	if up := p.Number(`min(min_over_time(up{job="tcphealth"}` + window + `))`); up != 1 {
		t.Error("a scrape failed")
	}

	for _, name := range []string{
		"sample_duplicate_timestamp", "sample_out_of_order", "sample_out_of_bounds", "exceeded_sample_limit", "exceeded_body_size_limit",
		"cache_flush_forced",
	} {
		if n := p.Number("prometheus_target_scrapes_" + name + "_total"); n != 0 {
			t.Errorf("%s: %v", name, n)
		}
	}
}

// requireNoFall fails if a counter fell, except counters of a connection whose addresses
// and ports were reused by another connection.
func requireNoFall(t *testing.T, p *promlab.Prometheus, window string) {
	t.Helper()

	counters := 0

	for _, m := range collector.Catalogue() {
		if m.Type == "gauge" {
			continue
		}

		expr := fmt.Sprintf(`resets(%s%s) > 0`, m.Name, window) // of native histograms, too
		if strings.HasPrefix(m.Name, "tcphealth_connection_") {
			expr = fmt.Sprintf(`resets(%s%s) > on (local_address, local_port, remote_address, remote_port) `+
				`changes(tcphealth_connection_first_seen_timestamp_seconds%s)`, m.Name, window, window)
		}

		if fell := p.Query(expr); len(fell) > 0 {
			t.Errorf("%d series of %s fell: %v", len(fell), m.Name, fell[0])
		}

		if len(p.Query(fmt.Sprintf(`count_over_time(%s%s)`, m.Name, window))) > 0 {
			counters++
		}
	}

	if counters < 60 {
		t.Errorf("only %d counters were checked", counters)
	}
}

// requireBudget fails if more connections or groups were exported at once than the
// budgets allow, or more new connections than the pace allows.
func requireBudget(t *testing.T, p *promlab.Prometheus, window string, connections, groups float64) {
	t.Helper()

	shown := p.Number(`max(max_over_time(count(tcphealth_connection_score)` + subquery(window) + `))`)
	if shown > connections || shown < connections/2 {
		t.Errorf("%v connections were exported at once", shown)
	}

	if n := p.Number(`max(max_over_time(count(tcphealth_group_connections{status="STALE"})` + subquery(window) + `))`); n > groups+1 {
		t.Errorf("%v groups were exported at once", n)
	}

	identities := p.Number(`count(count_over_time(tcphealth_connection_score` + window + `))`)
	if most := connections * (1 + math.Ceil(promFor.Minutes()+1)/5); identities > most {
		t.Errorf("%v connections were exported in total, at most %v are allowed", identities, most)
	}
}

// subquery makes a range of evaluations each second.
func subquery(window string) string { return strings.TrimSuffix(window, "]") + ":1s]" }

// TestHighWaterMarks: servers that scrape at different intervals get the same maximum
// accept queue.
func TestHighWaterMarks(t *testing.T) {
	netlab.RequireRoot(t)

	const waiting = 7

	ns := netlab.New(t)
	exporterIn(t, ns, "--sampler.interval=100ms", "--sampler.max-cpu=0", "--health.window=1s", "--collector.connections.min-age=0s")

	p := promlab.Start(t, ns, promlab.Config{Jobs: []promlab.Job{
		{Name: "fast", Target: exporterAddress, Interval: time.Second},
		{Name: "slow", Target: exporterAddress, Interval: 5 * time.Second},
	}})
	l := ns.Listen(t, "tcp4", "127.0.0.1:7777")

	for range waiting {
		ns.Dial(t, "tcp4", l.Addr().String())
	}

	time.Sleep(500 * time.Millisecond) // several samples, but no scrape of the slow server

	for range waiting {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}

	mark := func(job string) float64 {
		expr := `max(max_over_time(tcphealth_listener_accept_queue_max{local_port="7777",job="` + job + `"}[1m]))`
		if len(p.Query(expr)) == 0 {
			return -1
		}

		return p.Number(expr)
	}

	for _, job := range []string{"fast", "slow"} {
		p.Await("the queue in "+job, func() bool { return mark(job) >= waiting })

		if got := mark(job); got != waiting {
			t.Errorf("%s has a maximum queue of %v, want %d", job, got, waiting)
		}
	}

	if now := p.Number(`max(tcphealth_listener_accept_queue_connections{local_port="7777",job="slow"})`); now != 0 {
		t.Errorf("%v are waiting", now)
	}
}

// TestManyDestinations holds 16,000 connections to 4,000 addresses.
func TestManyDestinations(t *testing.T) {
	netlab.RequireRoot(t)

	const (
		addresses = 4000
		each      = 4
		processes = 4
		groups    = 100
	)

	ns := netlab.New(t)

	for n := range processes {
		holder.StartMany(t, ns, addresses/processes, each, fmt.Sprintf("127.%d.0.1", n+1), nil)
	}

	client := exporterIn(t, ns, "--sampler.interval=1s")
	text := body(t, client, "http://"+exporterAddress+"/metrics")
	families := decodeText(t, text)

	if n := len(families["tcphealth_connection_score"]); n != 500 {
		t.Errorf("%d connections have their own series", n)
	}

	if n := len(families["tcphealth_group_idle_connections"]); n != groups+1 {
		t.Errorf("%d groups have their own series, want %d and the one for the rest", n, groups)
	}

	other, all := 0.0, 0.0

	for labels, v := range families["tcphealth_group_connections"] {
		all += v

		if strings.Contains(labels, `role="other"`) {
			other += v
		}
	}

	if want := float64(2 * addresses * each); all < want || all > want+10 {
		t.Errorf("%v connections in all groups, want %v", all, want)
	}

	if other < all/2-each*groups-10 {
		t.Errorf("%v of %v connections are in the group for the rest", other, all)
	}

	compared := 0

	for name, series := range families {
		host, ok := families[strings.Replace(name, "_group_", "_", 1)]
		if !strings.HasPrefix(name, "tcphealth_group_") || !ok || len(host) != 1 {
			continue
		}

		sum := 0.0
		for _, v := range series {
			sum += v
		}

		for _, want := range host {
			if compared++; math.Abs(sum-want) > 1e-6*want {
				t.Errorf("%s adds up to %v, the host has %v", name, sum, want)
			}
		}
	}

	if compared < 15 {
		t.Errorf("%d families compared", compared)
	}

	t.Logf("%d series, %v connections of %v in the group for the rest", strings.Count(text, "\n")-strings.Count(text, "\n#"), other, all)
}

// decodeText returns the value of each series by family and labels.
func decodeText(t *testing.T, text string) map[string]map[string]float64 {
	t.Helper()

	families := make(map[string]map[string]float64)

	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}

		var v float64

		cut := strings.LastIndexByte(line, ' ')
		if _, err := fmt.Sscan(line[cut+1:], &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}

		name, labels, _ := strings.Cut(line[:cut], "{")
		if families[name] == nil {
			families[name] = make(map[string]float64)
		}

		families[name][labels] = v
	}

	return families
}
