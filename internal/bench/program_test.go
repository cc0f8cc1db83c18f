package bench

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/procfs"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

var programFor = flag.Duration("program.for", time.Minute, "how long BenchmarkProgram watches the program")

const (
	programAddress = "127.0.0.1:10047"
	scrapeEvery    = 5 * time.Second
	churnPerSecond = 200
)

// BenchmarkProgram measures the built program without its CPU limit: with idle sockets, with
// and without a scrape every five seconds; at four samples a second; with churn; and, for
// the fixed cost, in an empty namespace. It reports CPU use in percent of a processor; CPU
// time divided by that of bare dumps at the same rate, for the first half minute and for
// the rest; resident memory after the first half minute and at the end; the increase in
// goroutines and file descriptors; and missed ticks.
func BenchmarkProgram(b *testing.B) {
	netlab.RequireRoot(b)

	for _, w := range []watched{
		{sockets: 0, interval: time.Second},
		{sockets: 10_000, interval: time.Second},
		{sockets: 10_000, interval: time.Second, scraped: true},
		{sockets: 16_000, interval: time.Second, scraped: true, churn: churnPerSecond},
		{sockets: 54_000, interval: time.Second},
		{sockets: 54_000, interval: time.Second, scraped: true},
		{sockets: 54_000, interval: 250 * time.Millisecond},
	} {
		b.Run(fmt.Sprintf("sockets=%d/interval=%v/scraped=%t/churn=%d", w.sockets, w.interval, w.scraped, w.churn), w.run)
	}
}

// watched is a situation of the program.
type watched struct {
	sockets  int
	interval time.Duration
	scraped  bool
	churn    int // connections a second
}

// firstPhase is the time in which tables grow and connections fill their first windows.
const firstPhase = 30 * time.Second

func (w *watched) run(b *testing.B) {
	ns, _ := population(b, w.sockets)
	p := startProgram(b, ns, "--sampler.interval="+w.interval.String())
	bare := dumpForever(b, ns, p.between(w.interval), w.interval)
	ratio := func(cpu float64, took time.Duration, used, count int64) float64 {
		return cpu / (bare.each(used, count) * took.Seconds() / w.interval.Seconds())
	}

	if w.churn > 0 {
		churn(b, ns, w.churn)
	}

	p.watch(firstPhase-settled, w.scraped)
	first := ratio(p.cpu(), time.Since(p.started), 0, 0)

	for b.Loop() {
		used, count := bare.used.Load(), bare.count.Load()
		before, began := p.sight(), time.Now()
		p.watch(*programFor, w.scraped)
		after, took := p.sight(), time.Since(began)

		b.ReportMetric((after.cpu-before.cpu)/took.Seconds()*100, "cpu-%")
		b.ReportMetric(first, "cpu/dump-first")
		b.ReportMetric(ratio(after.cpu-before.cpu, took, used, count), "cpu/dump")
		b.ReportMetric(before.rss, "rss-MB-first")
		b.ReportMetric(after.rss, "rss-MB-last")
		b.ReportMetric(after.goroutines-before.goroutines, "goroutines-more")
		b.ReportMetric(after.fds-before.fds, "fds-more")
		b.ReportMetric(after.missed-before.missed, "missed-ticks")
		b.ReportMetric(0, "ns/op")
	}
}

// runningProgram is the exporter in a namespace.
type runningProgram struct {
	b       *testing.B
	pid     int
	started time.Time
	address string
	client  *http.Client
}

func startProgram(b *testing.B, ns *netlab.Namespace, args ...string) *runningProgram {
	b.Helper()

	return startProgramAt(b, ns, programAddress, args...)
}

func startProgramAt(b *testing.B, ns *netlab.Namespace, address string, args ...string) *runningProgram {
	b.Helper()

	path := filepath.Join(b.TempDir(), "tcphealth_exporter")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "tcphealth_exporter").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}

	process := ns.Start(b, path, append(args, "--web.listen-address="+address, "--sampler.max-cpu=0")...)
	p := &runningProgram{b: b, pid: process.PID(), started: time.Now(), address: address, client: promlab.ClientIn(ns)}
	b.Cleanup(p.client.CloseIdleConnections)
	time.Sleep(settled)

	return p
}

// watch lets time pass, with scrapes or without.
func (p *runningProgram) watch(d time.Duration, scraped bool) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(min(scrapeEvery, time.Until(end))) {
		if scraped {
			p.scrape()
		}
	}
}

// between returns the time in the middle between two samples: dumps at the same time would
// wait for the same locks in the kernel.
func (p *runningProgram) between(interval time.Duration) time.Time {
	p.b.Helper()

	last := p.scrape()["tcphealth_sampler_last_sample_timestamp_seconds"].GetMetric()[0].GetGauge().GetValue()

	return time.UnixMilli(int64(last * 1000)).Add(interval / 2)
}

func (p *runningProgram) scrape() map[string]*dto.MetricFamily {
	p.b.Helper()

	answer, err := p.client.Get("http://" + p.address + "/metrics")
	if err != nil {
		p.b.Fatal(err)
	}
	defer answer.Body.Close()

	parser := expfmt.NewTextParser(model.UTF8Validation)

	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		p.b.Fatal(err)
	}

	return families
}

// stat returns the kernel's statistics of the process.
func (p *runningProgram) stat() procfs.ProcStat {
	p.b.Helper()

	process, err := procfs.NewProc(p.pid)
	if err != nil {
		p.b.Fatal(err)
	}

	stat, err := process.Stat()
	if err != nil {
		p.b.Fatal(err)
	}

	return stat
}

// cpu returns the seconds of processor time used so far.
func (p *runningProgram) cpu() float64 { stat := p.stat(); return stat.CPUTime() }

// resident returns the resident memory in MB.
func (p *runningProgram) resident() float64 {
	stat := p.stat()

	return float64(stat.ResidentMemory()) / (1 << 20)
}

// sight is the state of the program at one time.
type sight struct{ cpu, rss, goroutines, fds, missed float64 }

func (p *runningProgram) sight() sight {
	p.b.Helper()

	stat, families := p.stat(), p.scrape()
	value := func(name string) float64 {
		m := families[name].GetMetric()[0]

		return m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}

	return sight{
		cpu: stat.CPUTime(), rss: float64(stat.ResidentMemory()) / (1 << 20),
		goroutines: value("go_goroutines"), fds: value("process_open_fds"), missed: value("tcphealth_sampler_ticks_missed_total"),
	}
}

// churn opens perSecond connections a second and closes each by RST within two seconds,
// until stop is called or the benchmark ends.
func churn(b *testing.B, ns *netlab.Namespace, perSecond int) (stop func()) {
	b.Helper()

	listener := ns.Listen(b, "tcp4", "127.0.0.1:0")

	var (
		routines sync.WaitGroup
		over     atomic.Bool
	)

	stop = func() {
		over.Store(true)
		_ = listener.Close()
		routines.Wait()
	}

	b.Cleanup(stop)

	routines.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}

			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	})

	routines.Go(func() {
		ns.Do(func() { // dialing is done on this thread
			for n := 0; !over.Load(); n++ {
				time.Sleep(time.Second / time.Duration(perSecond))

				c, err := net.Dial("tcp4", listener.Addr().String())
				if err != nil {
					continue
				}

				go func() {
					_, _ = c.Write(make([]byte, 300))
					time.Sleep(time.Duration(n%20) * 100 * time.Millisecond)
					_ = c.(*net.TCPConn).SetLinger(0) //nolint:forcetypeassert // TCP was dialed
					_ = c.Close()
				}()
			}
		})
	})

	return stop
}
