package web

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// answerSize is the size of the answer in the tests of slow clients, in bytes.
const answerSize = 3 << 20

// neverReads sends a request over HTTP/1.1 and reads nothing.
func (s *site) neverReads(t *testing.T, query string) {
	t.Helper()

	var c net.Conn

	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Error(err)

		return
	}

	t.Cleanup(func() { _ = c.Close() })

	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Error(err)
	}

	if s.tls != nil {
		c = tls.Client(c, s.tls)
	}

	// The server may already have closed the connection.
	_, _ = fmt.Fprintf(c, "GET /metrics%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query)
}

// stops is a connection that is not read after so many bytes.
type stops struct {
	net.Conn

	left   int
	closed chan struct{}
	once   sync.Once
}

func (c *stops) Read(p []byte) (int, error) {
	if c.left == 0 {
		<-c.closed

		return 0, io.EOF
	}

	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n

	return n, err
}

func (c *stops) Close() error {
	c.once.Do(func() { close(c.closed) })

	return c.Conn.Close()
}

// stopsReading sends requests over one HTTP/2 connection, which it does not read after
// the handshake.
func (s *site) stopsReading(t *testing.T, requests int) {
	t.Helper()

	c := s.client(t, func(c net.Conn) net.Conn {
		_ = c.(*net.TCPConn).SetReadBuffer(4096)

		return &stops{Conn: c, left: 16 << 10, closed: make(chan struct{})}
	})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)

	var group sync.WaitGroup

	t.Cleanup(group.Wait)
	t.Cleanup(cancel)

	for range requests {
		group.Go(func() { _, _, _ = s.scrape(ctx, c, "", nil) }) // none ends well
	}
}

// TestSlowReaders lets 200 clients come within a second that never read their answers.
// Scrapers beside them must get whole and correct answers, none of them 503.
func TestSlowReaders(t *testing.T) {
	for name, cfg := range map[string]siteConfig{
		"IPv4":     {network: "tcp4", address: "127.0.0.1:0"},
		"IPv6":     {network: "tcp6", address: "[::1]:0"},
		"IPv4/TLS": {network: "tcp4", address: "127.0.0.1:0", secure: true},
		"IPv6/TLS": {network: "tcp6", address: "[::1]:0", secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.slots, cfg.limit = 40, maxAnswerBytes
			h := newHost(answerSize)
			s := serve(t, h, cfg)

			_, want, err := s.scrape(t.Context(), s.client(t, nil), "", nil)
			if err != nil {
				t.Fatal(err)
			}

			_, want = split(t, want)

			var (
				clients, scrapers sync.WaitGroup
				arrived           = make(chan struct{})
				took              = make([][]time.Duration, 3)
			)

			clients.Go(func() {
				defer close(arrived)

				for n := range 100 {
					s.neverReads(t, "")
					s.neverReads(t, []string{"", "?name[]=host_family_0000", ""}[n%3])

					if cfg.secure && n%10 == 0 {
						s.stopsReading(t, 10)
					}

					time.Sleep(10 * time.Millisecond)
				}
			})

			for i := range took {
				scrapers.Go(func() { took[i] = s.scrapeBeside(t, arrived, want) })
			}

			clients.Wait()
			scrapers.Wait()

			all := slices.Concat(took...)
			_, maximum, aborted := s.meter.read()
			t.Logf("%d scrapes of %d bytes, worst latency %v; maximum memory %.1f MiB; %d gatherings; aborted %s",
				len(all), len(want), slices.Max(all), float64(maximum)/(1<<20), h.gathered.Load(), aborted)

			if bound := maxAnswerBytes + len(want) + chunkSize; maximum > bound {
				t.Errorf("%d bytes of answers, at most %d are allowed", maximum, bound)
			}
		})
	}
}

// scrapeBeside scrapes until a while after all slow clients have arrived.
func (s *site) scrapeBeside(t *testing.T, arrived <-chan struct{}, want string) (took []time.Duration) {
	t.Helper()

	c := s.client(t, nil)
	last := 0

	for rest := 3; rest > 0; {
		select {
		case <-arrived:
			rest--
		default:
		}

		began := time.Now()
		status, body, err := s.scrape(t.Context(), c, "", http.Header{timeoutHeader: {"10"}})
		took = append(took, time.Since(began))

		if status != http.StatusOK || err != nil {
			t.Errorf("scrape: %d, %v", status, err)

			continue
		}

		number, body := split(t, body)
		if body != want {
			t.Errorf("another answer of %d bytes, expected %d", len(body), len(want))
		}

		if number <= last {
			t.Errorf("gathering %d after %d", number, last)
		}

		last = number
	}

	return took
}

// TestStalled: the server closes the connection of a client that does not read, and
// counts it. The memory of its answer is free then.
func TestStalled(t *testing.T) {
	for name, cfg := range map[string]siteConfig{
		"HTTP/1.1":     {},
		"HTTP/1.1/TLS": {secure: true},
		"HTTP/2":       {secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			cfg.network, cfg.address, cfg.limit, cfg.stall = "tcp4", "127.0.0.1:0", maxAnswerBytes, 300*time.Millisecond
			s := serve(t, newHost(answerSize), cfg)

			if name == "HTTP/2" {
				s.stopsReading(t, 5)
			} else {
				for range 5 {
					s.neverReads(t, "")
				}
			}

			await(t, "five stalled answers", func() bool { return s.meter.count(abortedStalled) == 5 })
			await(t, "free memory", func() bool { memory, _, _ := s.meter.read(); return memory == 0 })
		})
	}
}

// TestDisconnected: a client that closes its connection is counted as such.
func TestDisconnected(t *testing.T) {
	s := serve(t, newHost(answerSize), siteConfig{network: "tcp4", address: "127.0.0.1:0", limit: maxAnswerBytes})

	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}

	_, err = io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}

	if _, err := c.Read(make([]byte, 1)); err != nil { // the answer is being sent
		t.Fatal(err)
	}

	_ = c.Close()

	await(t, "aborted answer", func() bool { return s.meter.count(abortedByClient) == 1 })
	await(t, "free memory", func() bool { memory, _, _ := s.meter.read(); return memory == 0 })
}

// TestMemoryLimit: if there is no memory left, clients that do not read lose their
// connections, and a scraper gets its answer.
func TestMemoryLimit(t *testing.T) {
	const limit = 2 * answerSize

	h := newHost(answerSize)
	s := serve(t, h, siteConfig{network: "tcp4", address: "127.0.0.1:0", limit: limit})
	c := s.client(t, nil)

	_, want, err := s.scrape(t.Context(), c, "", nil)
	if err != nil {
		t.Fatal(err)
	}

	for n := range 8 {
		s.neverReads(t, h.query(fmt.Sprintf("unknown_%d", n)))
	}

	await(t, "full memory", func() bool { _, maximum, _ := s.meter.read(); return maximum > limit/2 })

	status, body, err := s.scrape(t.Context(), c, "", nil)
	if status != http.StatusOK || err != nil {
		t.Errorf("scrape: %d, %v", status, err)
	}

	_, want = split(t, want)
	if _, body := split(t, body); body != want {
		t.Errorf("another answer of %d bytes, expected %d", len(body), len(want))
	}

	_, maximum, _ := s.meter.read()
	if bound := limit + len(want) + chunkSize; maximum > bound {
		t.Errorf("%d bytes of answers, at most %d are allowed", maximum, bound)
	}

	if s.meter.count(abortedMemory) == 0 {
		t.Error("no client lost its connection")
	}
}
