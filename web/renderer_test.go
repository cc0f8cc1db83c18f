package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// gate lets gatherings begin one by one.
type gate struct {
	*host

	begun, end chan struct{}
}

func newGate() *gate {
	g := &gate{newHost(1), make(chan struct{}), make(chan struct{})}
	g.block = func() {
		g.begun <- struct{}{}
		<-g.end
	}

	return g
}

// handlerOf returns a handler of scrapes without a server.
func handlerOf(g prometheus.TransactionalGatherer, slots int) *scrapes {
	return newScrapes(MetricsConfig{Gatherer: g, MaxRequests: slots, Meter: &testMeter{}, Logger: log.NewNopLogger()}, maxAnswerBytes)
}

// ask makes a request, which is answered when the returned channel has a value.
func ask(h http.Handler, query string, header http.Header) <-chan *httptest.ResponseRecorder {
	answered := make(chan *httptest.ResponseRecorder, 1)

	go func() {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics"+query, http.NoBody)
		r.Header = header
		h.ServeHTTP(w, r)
		answered <- w
	}()

	return answered
}

// users returns the number of requests that wait for the answer that is not begun.
func (r *renderer) users() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()

	for _, a := range r.next {
		n += a.users
	}

	return n
}

// TestShared: requests that come while an answer is being rendered share the next one,
// whatever form their headers have, and never get the one that began before.
func TestShared(t *testing.T) {
	g := newGate()
	s := handlerOf(g, 0)
	first := ask(s, "", nil)
	<-g.begun

	var later []<-chan *httptest.ResponseRecorder
	for _, accept := range []string{"", "*/*", "text/plain", "text/plain;version=0.0.4;q=0.9, application/json"} {
		later = append(later, ask(s, "", http.Header{"Accept": {accept}, "Accept-Encoding": {"br, identity;q=0.5"}}))
	}

	await(t, "later requests", func() bool { return s.renderer.users() == len(later) })
	g.end <- struct{}{}

	if number, _ := split(t, (<-first).Body.String()); number != 1 {
		t.Errorf("the first request got gathering %d", number)
	}

	<-g.begun
	g.end <- struct{}{}

	for i, answered := range later {
		if number, _ := split(t, (<-answered).Body.String()); number != 2 {
			t.Errorf("later request %d got gathering %d, expected 2", i, number)
		}
	}
}

// TestNotShared: requests that want something else get it, at the same time.
func TestNotShared(t *testing.T) {
	const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"

	g := newGate()
	s := handlerOf(g, 0)
	all := map[string]<-chan *httptest.ResponseRecorder{
		"text":        ask(s, "", nil),
		"gzip":        ask(s, "", http.Header{"Accept-Encoding": {"gzip"}}),
		"OpenMetrics": ask(s, "", http.Header{"Accept": {"application/openmetrics-text;version=1.0.0"}}),
		"names":       ask(s, "?name[]=zz_gathered&name[]=other", nil),
	}

	for range all {
		<-g.begun
	}

	close(g.end)

	bodies := make(map[string]string)
	types := make(map[string]string)

	for name, answered := range all {
		w := <-answered
		body := io.Reader(w.Body)

		if name == "gzip" && w.Header().Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(w.Body); err != nil {
				t.Fatal(err)
			}
		}

		text, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}

		_, bodies[name] = split(t, string(text))
		types[name] = w.Header().Get("Content-Type")
	}

	if bodies["gzip"] != bodies["text"] || len(bodies["text"]) < 1000 {
		t.Errorf("gzip has %d bytes, text %d", len(bodies["gzip"]), len(bodies["text"]))
	}

	if types["OpenMetrics"] != openMetrics || !strings.HasSuffix(bodies["OpenMetrics"], "# EOF\n") {
		t.Errorf("OpenMetrics: %q, %q", types["OpenMetrics"], bodies["OpenMetrics"])
	}

	if bodies["names"] != "# TYPE zz_gathered gauge\n" {
		t.Errorf("names: %q", bodies["names"])
	}
}

// TestSlots: a request waits for a slot. It gets an answer if one becomes free before its
// timeout, and 503 otherwise.
func TestSlots(t *testing.T) {
	for slots, want := range map[int]int{1: 503, 2: 200, 0: 200} {
		g := newGate()
		s := handlerOf(g, slots)
		s.maxWait = patience
		first := ask(s, "", nil)
		<-g.begun

		timeout := http.Header{}
		if want != http.StatusOK {
			timeout.Set(timeoutHeader, "0.05")
		}

		beside := ask(s, "?name[]=other", timeout)

		if want == http.StatusOK {
			<-g.begun
			g.end <- struct{}{}
			g.end <- struct{}{}
		}

		if w := <-beside; w.Code != want {
			t.Errorf("%d slots: %d beside a running scrape, expected %d", slots, w.Code, want)
		}

		later := ask(s, "?name[]=another", nil)

		if want != http.StatusOK {
			await(t, "a request that waits", func() bool { return s.renderer.users() == 1 })
			g.end <- struct{}{}
		}

		<-g.begun
		g.end <- struct{}{}

		for name, answered := range map[string]<-chan *httptest.ResponseRecorder{"first": first, "later": later} {
			if w := <-answered; w.Code != http.StatusOK {
				t.Errorf("%d slots: %s scrape %d", slots, name, w.Code)
			}
		}
	}
}

// TestTimeout: the header limits the wait, if it is a number within the maximum.
func TestTimeout(t *testing.T) {
	s := handlerOf(newHost(1), 0)

	for value, want := range map[string]time.Duration{
		"": maxWait, "2.5": 2500 * time.Millisecond, "15": maxWait, "0": maxWait, "-1": maxWait, "NaN": maxWait, "Inf": maxWait, "x": maxWait,
	} {
		if got := s.timeout(&http.Request{Header: http.Header{timeoutHeader: {value}}}); got != want {
			t.Errorf("%q: %v, expected %v", value, got, want)
		}
	}
}

// TestPanic: a gatherer that panics ends the scrape, not the program.
func TestPanic(t *testing.T) {
	h := newHost(1)
	h.block = func() { panic("broken") }
	s := handlerOf(h, 1)

	for range 2 { // the slot is free again
		w := <-ask(s, "", http.Header{"Accept-Encoding": {"gzip"}})
		if body := w.Body.String(); w.Code != http.StatusInternalServerError || body != "panic: broken\n" || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%d, %v, %q", w.Code, w.Header(), body)
		}
	}
}

// TestHandlerMetrics: the metrics of promhttp count scrapes.
func TestHandlerMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := NewMetricsHandler(MetricsConfig{Gatherer: newHost(1), Own: registry, Meter: &testMeter{}, Logger: log.NewNopLogger()})

	<-ask(h, "", nil)

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}

	counts := make(map[string]float64)

	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) > 0 {
				counts[f.GetName()+m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}

	want := map[string]float64{
		"promhttp_metric_handler_requests_total200": 1, "promhttp_metric_handler_requests_total500": 0, "promhttp_metric_handler_requests_total503": 0,
		"promhttp_metric_handler_errors_totalgathering": 0, "promhttp_metric_handler_errors_totalencoding": 0,
	}
	if !maps.Equal(counts, want) {
		t.Errorf("%v, expected %v", counts, want)
	}
}

// BenchmarkHandler compares a scrape by this handler with one by that of promhttp.
func BenchmarkHandler(b *testing.B) {
	for _, size := range []int{50 << 10, 3 << 20} {
		h := newHost(size)
		handlers := map[string]http.Handler{
			"promhttp": promhttp.HandlerForTransactional(h, promhttp.HandlerOpts{EnableOpenMetrics: true}),
			"own":      handlerOf(h, 40),
		}

		for _, encoding := range []string{"identity", "gzip"} {
			for _, name := range []string{"promhttp", "own"} {
				b.Run("size="+strconv.Itoa(size)+"/encoding="+encoding+"/handler="+name, func(b *testing.B) {
					benchmarkServer(b, handlers[name], encoding)
				})
			}
		}
	}
}

// benchmarkServer scrapes over the loopback interface.
func benchmarkServer(b *testing.B, h http.Handler, encoding string) {
	b.ReportAllocs()

	server := httptest.NewServer(h)
	defer server.Close()

	buffer := bytes.NewBuffer(make([]byte, 0, 8<<20))

	for b.Loop() {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}

		request.Header.Set("Accept-Encoding", encoding)

		response, err := server.Client().Do(request)
		if err != nil {
			b.Fatal(err)
		}

		buffer.Reset()

		if _, err := buffer.ReadFrom(response.Body); err != nil {
			b.Fatal(err)
		}

		_ = response.Body.Close()
	}
}

// TestConcurrent: many requests of all kinds at once get correct answers, and all memory
// is free in the end.
func TestConcurrent(t *testing.T) {
	h := newHost(200 << 10)
	s := handlerOf(h, 3)
	_, want := split(t, (<-ask(s, "", nil)).Body.String())

	var group sync.WaitGroup

	for n := range 8 {
		group.Go(func() {
			for range 20 {
				w := <-ask(s, []string{"", h.query("unknown_" + strconv.Itoa(n))}[n%2], nil)
				if _, body := split(t, w.Body.String()); body != want {
					t.Errorf("an answer of %d bytes, expected %d", len(body), len(want))
				}
			}
		})
	}

	group.Wait()

	if s.renderer.used != 0 || len(s.renderer.current)+len(s.renderer.next)+len(s.renderer.sending)+len(s.renderer.order) != 0 {
		t.Errorf("%d bytes in use, or answers left", s.renderer.used)
	}
}
