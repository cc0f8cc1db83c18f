package bench

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// The load of the soak besides scrapes.
const (
	soakSockets   = 16_000
	soakChurn     = 400 // connections a second
	questionEvery = 2 * time.Second
	reloadEvery   = time.Minute
	readerEvery   = 3 * time.Second
	readerLasts   = 20 * time.Second
	sightEvery    = time.Minute
)

// BenchmarkSoak runs the program under all kinds of load at once: churn, scrapes, reloads,
// API requests, and clients that request metrics but do not read them. It reports resident
// memory after a warm-up and at the end, the increase in goroutines and file descriptors,
// and the share of missed ticks. It logs these each minute.
func BenchmarkSoak(b *testing.B) {
	netlab.RequireRoot(b)

	for b.Loop() {
		soak(b)
	}
}

func soak(b *testing.B) {
	config := filepath.Join(b.TempDir(), "config.yml")
	if err := os.WriteFile(config, []byte("profiles: {calm: {base: auto}}\n"), 0o600); err != nil {
		b.Fatal(err)
	}

	ns, _ := population(b, soakSockets)
	p := startProgram(b, ns, "--config.file="+config)
	stop := churn(b, ns, soakChurn)

	defer stop()

	over := make(chan struct{})

	for every, ask := range map[time.Duration]func(){
		questionEvery: p.question,
		reloadEvery:   func() { _ = syscall.Kill(p.pid, syscall.SIGHUP) },
		readerEvery:   func() { go p.requestWithoutReading(ns) },
	} {
		go repeat(over, every, ask)
	}

	p.watch(*programFor/10, true) //nolint:mnd // a tenth

	first := p.sight()
	last := first

	for end := time.Now().Add(*programFor); time.Now().Before(end); {
		p.watch(min(sightEvery, time.Until(end)), true)

		last = p.sight()
		b.Logf("%s: %.1f MB, %v goroutines, %v file descriptors, %v ticks missed",
			time.Now().UTC().Format(time.TimeOnly), last.rss, last.goroutines, last.fds, last.missed-first.missed)
	}

	close(over)
	b.ReportMetric(first.rss, "rss-MB-first")
	b.ReportMetric(last.rss, "rss-MB-last")
	b.ReportMetric(last.goroutines-first.goroutines, "goroutines-more")
	b.ReportMetric(last.fds-first.fds, "fds-more")
	b.ReportMetric((last.missed-first.missed)/programFor.Seconds()*100, "missed-%")
	b.ReportMetric(0, "ns/op")
}

// repeat calls a function until over is closed.
func repeat(over <-chan struct{}, every time.Duration, call func()) {
	for ticker := time.NewTicker(every); ; {
		select {
		case <-over:
			return
		case <-ticker.C:
			call()
		}
	}
}

// question asks the API for the worst connections.
func (p *runningProgram) question() {
	answer, err := p.client.Get("http://" + p.address + "/api/v1/connections?limit=100")
	if err != nil {
		return // the benchmark is over
	}
	defer answer.Body.Close()

	_, _ = io.Copy(io.Discard, answer.Body)
}

// requestWithoutReading requests metrics and does not read the answer.
func (p *runningProgram) requestWithoutReading(ns *netlab.Namespace) {
	var c net.Conn

	if err := ns.DoErr(func() (err error) { c, err = net.Dial("tcp4", p.address); return err }); err != nil {
		return // the benchmark is over
	}
	defer c.Close()

	_, _ = fmt.Fprintf(c, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", p.address)

	time.Sleep(readerLasts)
}
