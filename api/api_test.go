package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/api"
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

var start = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// fixture is an API of a tracker whose goroutine only answers questions.
type fixture struct {
	*api.API

	tracker   *health.Tracker
	questions chan loop.Question
	recording *diagtest.Recording
}

// parseFilter parses the filters "port N" only.
func parseFilter(text string) (func(*sampler.Socket) bool, error) {
	var port uint16
	if _, err := fmt.Sscanf(text, "port %d", &port); err != nil {
		return nil, errors.New(`filter:1:1: expected "port", found <that>`)
	}

	return func(s *sampler.Socket) bool { return s.Remote.Port == port }, nil
}

// newFixture returns an API whose questions wait until answer is called.
func newFixture(t *testing.T, timeout time.Duration) *fixture {
	t.Helper()

	f := &fixture{
		tracker:   health.NewTracker(health.Config{Export: export.Config{Max: 2}}, func(*health.Snapshot) {}),
		questions: make(chan loop.Question),
		recording: diagtest.NewRecording(t),
	}
	f.API = api.New(api.Config{Tracker: f.tracker, Questions: f.questions, ParseFilter: parseFilter, Timeout: timeout, Owner: ownerOf, Process: processOf})

	return f
}

// ownedCgroup has an owner.
const ownedCgroup = 4242

func ownerOf(cgroup uint64) *v1.Owner {
	if cgroup != ownedCgroup {
		return nil
	}

	return &v1.Owner{Kind: "unit", Unit: "nginx.service"}
}

// TestOwner: it is absent where it is unknown.
func TestOwner(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	owned := row(10, 0)
	owned.Attributes = []diagtest.Attribute{diagtest.Cgroup(ownedCgroup)}
	f.sample(t, start, owned, row(11, 0))

	for target, want := range map[string]string{"/10": `"owner":{"kind":"unit","unit":"nginx.service"},`, "/11": ""} {
		_, body, _ := f.do(t, "GET", connectionsPath+target)
		if got := strings.Contains(body, `"owner"`); got != (want != "") || !strings.Contains(body, want) {
			t.Errorf("%s: %s", target, body)
		}
	}
}

// processOf finds the process of one socket only.
func processOf(inode uint32, cgroup uint64) (*v1.Process, error) {
	if inode != 7 || cgroup != ownedCgroup {
		return nil, fmt.Errorf("socket %d in cgroup %d", inode, cgroup)
	}

	return &v1.Process{PID: 123, Command: "nginx"}, nil
}

// TestProcess: a process is looked for on request only, and an error is reported with the
// connection.
func TestProcess(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	rows := []diagtest.Row{row(10, 0), row(11, 0), row(12, 0)}

	for i, inode := range []uint32{7, 8, 0} {
		rows[i].Inode = inode
		rows[i].Attributes = []diagtest.Attribute{diagtest.Cgroup(ownedCgroup)}
	}

	f.sample(t, start, rows...)

	for target, want := range map[string]string{
		"/10?process=1": `"process":{"pid":123,"command":"nginx"},`,
		"/11?process=1": `"process_error":"socket 8 in cgroup 4242",`,
		"/12?process=1": `"process_error":"no process has the socket open, or its cgroup is unknown",`,
		"/10":           "",
	} {
		_, body, _ := f.do(t, "GET", connectionsPath+target)
		if got := strings.Contains(body, `"process`); got != (want != "") || !strings.Contains(body, want) {
			t.Errorf("%s: %s", target, body)
		}
	}
}

// answering answers all questions until the test is over.
func (f *fixture) answering(t *testing.T) *fixture {
	t.Helper()

	go loop.Answer(t.Context(), f.questions, nil)

	return f
}

// take receives a question in place of the sampling goroutine.
func (f *fixture) take(t *testing.T) loop.Question {
	t.Helper()

	select {
	case q := <-f.questions:
		return q
	case <-time.After(10 * time.Second):
		t.Fatal("no question was asked")

		return nil
	}
}

func (f *fixture) sample(t *testing.T, at time.Time, rows ...diagtest.Row) {
	t.Helper()
	f.tracker.Begin(0)
	d := f.recording.Dump(t, at, rows, f.tracker.Sockets)
	f.tracker.End(d)
	f.tracker.Publish(d.End)
}

// row returns an idle connection to the remote port, unless it has sent SYNs without an answer.
func row(port uint16, syns uint8) diagtest.Row {
	r := diagtest.Row{
		State: sampler.StateEstablished, Cookie: uint64(port),
		Local:  netip.MustParseAddrPort("192.0.2.1:443"),
		Remote: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), port),
		Info:   diagtest.TCPInfo{SndMSS: 1448, RTT: 20_000, RTTVar: 2_000, RTO: 220_000, SndCwnd: 10},
	}

	if syns > 0 {
		r.State, r.Info.Retransmits, r.Info.Unacked, r.Info.RTT = sampler.StateSynSent, syns, 1, 0
	}

	return r
}

// do makes a request and checks what all answers have in common.
func (f *fixture) do(t *testing.T, method, target string) (status int, body string, header http.Header) {
	t.Helper()

	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody))

	h := w.Header()
	if h.Get("Content-Type") != "application/json" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: header %v", method, target, h)
	}

	if retry := h.Get("Retry-After"); (retry == "1") != (w.Code == http.StatusServiceUnavailable) {
		t.Errorf("%s %s: %d, retry after %q", method, target, w.Code, retry)
	}

	return w.Code, w.Body.String(), h
}

// list is the part of an answer that the tests check.
type list struct {
	SampledAt   string `json:"sampled_at"`
	Total       int
	Truncated   bool
	Connections []map[string]any
}

func (f *fixture) list(t *testing.T, target string) (l list) {
	t.Helper()

	status, body, _ := f.do(t, http.MethodGet, target)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d, %s", target, status, body)
	}

	if err := json.Unmarshal([]byte(body), &l); err != nil {
		t.Fatalf("GET %s: %v in\n%s", target, err, body)
	}

	return l
}

func (l *list) cookies() (cookies []string) {
	for _, c := range l.Connections {
		cookies = append(cookies, c["cookie"].(string))
	}

	return cookies
}

func TestSelections(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	for n := range 4 {
		rows := []diagtest.Row{row(10, 0), row(11, 2), row(12, 3), row(13, 0)}
		if n > 1 {
			rows = rows[:3]
		}

		f.sample(t, start.Add(time.Duration(n)*time.Second), rows...)
	}

	for target, want := range map[string]struct {
		total   int
		cookies []string
	}{
		"":                                 {3, []string{"0xc", "0xb", "0xa"}},
		"?limit=2":                         {3, []string{"0xc", "0xb"}},
		"?limit=10000":                     {3, []string{"0xc", "0xb", "0xa"}},
		"?min_status=HEALTHY":              {3, []string{"0xc", "0xb", "0xa"}},
		"?min_status=SUSPECT":              {2, []string{"0xc", "0xb"}},
		"?min_status=STALE":                {1, []string{"0xc"}},
		"?include=ended":                   {4, []string{"0xc", "0xb", "0xa", "0xd"}},
		"?filter=port+11":                  {1, []string{"0xb"}},
		"?filter=port%2013":                {0, nil},
		"?filter=port%2013&include=ended":  {1, []string{"0xd"}},
		"?filter=port+11&min_status=STALE": {0, nil},
		"?limit=1&include=ended&filter=port+13&min_status=HEALTHY": {1, []string{"0xd"}},
		"/0xb":                  {1, []string{"0xb"}},
		"/11":                   {1, []string{"0xb"}},
		"/13":                   {1, []string{"0xd"}},
		"/0x00000000000000000d": {1, []string{"0xd"}},
	} {
		got := f.list(t, "/api/v1/connections"+target)
		if got.Total != want.total || got.Truncated != (len(want.cookies) < want.total) || !slices.Equal(got.cookies(), want.cookies) ||
			got.Connections == nil || got.SampledAt != "2026-11-22T12:00:03.000Z" {
			t.Errorf("%s: %v of %d, truncated %t, sampled at %s; expected %v of %d",
				target, got.cookies(), got.Total, got.Truncated, got.SampledAt, want.cookies, want.total)
		}
	}
}

// TestShape lists the members of a connection with and without a socket.
func TestShape(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	f.sample(t, start, row(11, 3), row(10, 2), row(9, 0))
	f.sample(t, start.Add(1500*time.Millisecond), row(11, 3), row(10, 2), row(9, 0))

	keys := func(c map[string]any) (keys []string) {
		for key := range c {
			keys = append(keys, key)
		}

		slices.Sort(keys)

		return keys
	}

	common := []string{
		"cause", "cookie", "first_seen", "flags", "idle", "local_address", "local_port", "points", "reasons",
		"remote_address", "remote_port", "safe_to_send", "score", "state", "status", "status_since", "trend",
	}
	whole := slices.Sorted(slices.Values(slices.Concat(common, []string{"read_at", "socket", "tcp_info"})))

	unhealthy := f.list(t, "/api/v1/connections").Connections[0]
	if got := keys(unhealthy); !slices.Equal(got, whole) {
		t.Errorf("a connection with a socket has %v", got)
	}

	unread := f.list(t, "/api/v1/connections/9").Connections[0]
	if got := keys(unread); !slices.Equal(got, slices.Sorted(slices.Values(append(common, "samples")))) {
		t.Errorf("a connection without a socket has %v", got)
	}

	for key, want := range map[string]any{
		"local_address": "192.0.2.1", "local_port": 443., "remote_address": "10.0.0.1", "remote_port": 11.,
		"cookie": "0xb", "state": "SYN_SENT", "idle": false, "status": "STALE", "status_since": "2026-11-22T12:00:00.000Z",
		"score": 30., "points": 7., "safe_to_send": false, "cause": "handshake",
		"first_seen": "2026-11-22T12:00:00.000Z", "read_at": "2026-11-22T12:00:01.500Z",
	} {
		if unhealthy[key] != want {
			t.Errorf("%s is %v, expected %v", key, unhealthy[key], want)
		}
	}

	if flags := fmt.Sprint(unhealthy["flags"]); !strings.HasPrefix(flags, "[syn_unanswered") {
		t.Errorf("flags %s", flags)
	}

	if flags, reasons := unread["flags"].([]any), unread["reasons"].([]any); len(flags) != 0 || len(reasons) != 0 {
		t.Errorf("flags %v, reasons %v", flags, reasons)
	}

	info := unhealthy["tcp_info"].(map[string]any)
	if info["rto_seconds"] != .22 || info["snd_cwnd_segments"] != 10. || info["snd_mss_bytes"] != 1448. || info["retransmits"] != 3. {
		t.Errorf("tcp_info %v", info)
	}

	if _, ok := info["rtt_seconds"]; ok {
		t.Error("an RTT without a handshake")
	}

	samples := unread["samples"].([]any)
	if at := samples[1].(map[string]any)["at"]; len(samples) != 2 || at != "2026-11-22T12:00:01.500Z" {
		t.Errorf("%d samples, the second of %v", len(samples), at)
	}
}

// TestOldKernel: fields that the kernel does not report are absent.
func TestOldKernel(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	old := row(10, 3)
	old.InfoSize = 104
	f.sample(t, start, old)

	c := f.list(t, "/api/v1/connections/10").Connections[0]
	info, first := c["tcp_info"].(map[string]any), c["samples"].([]any)[0].(map[string]any)

	for key, present := range map[string]bool{"snd_cwnd_segments": true, "total_retrans_segments": true, "bytes_sent": false, "busy_time_seconds": false} {
		_, inInfo := info[key]
		_, inSample := first[key]

		if inInfo != present || inSample != present {
			t.Errorf("%s is in tcp_info: %t, in a sample: %t, expected %t", key, inInfo, inSample, present)
		}
	}
}

func TestErrors(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	f.sample(t, start, row(10, 0))

	const connections = "/api/v1/connections"

	for _, test := range []struct {
		method, target string
		status         int
		text           string
	}{
		{"GET", connections + "?filter=what", 400, `filter:1:1: expected "port", found <that>`},
		{"GET", connections + "?filter=", 400, `filter:1:1: expected "port", found <that>`},
		{"GET", connections + "?min_status=BAD", 400, `min_status: expected one of HEALTHY, CAUTION, SUSPECT, DEGRADED, STALE, found "BAD"`},
		{"GET", connections + "?min_status=", 400, `min_status: expected one of HEALTHY, CAUTION, SUSPECT, DEGRADED, STALE, found ""`},
		{"GET", connections + "?include=all", 400, `include: expected ended, found "all"`},
		{"GET", connections + "?include=", 400, `include: expected ended, found ""`},
		{"GET", connections + "?limit=0", 400, `limit: expected 1 to 10000, found "0"`},
		{"GET", connections + "?limit=-1", 400, `limit: expected 1 to 10000, found "-1"`},
		{"GET", connections + "?limit=10001", 400, `limit: expected 1 to 10000, found "10001"`},
		{"GET", connections + "?limit=99999999999999999999", 400, `limit: expected 1 to 10000, found "99999999999999999999"`},
		{"GET", connections + "?limit=1e3", 400, `limit: expected 1 to 10000, found "1e3"`},
		{"GET", connections + "?limit=", 400, `limit: expected 1 to 10000, found ""`},
		{"GET", connections + "?limit=1&limit=2", 400, `parameter "limit" is given 2 times`},
		{"GET", connections + "?sort=score", 400, `unknown parameter "sort", expected some of filter, min_status, include, limit`},
		{"GET", connections + "?filter=%zz", 400, `query string: invalid URL escape "%zz"`},
		{"GET", connections + "?a;b", 400, "query string: invalid semicolon separator in query"},
		{"GET", connections + "/0xb", 404, "no connection has the cookie 0xb"},
		{"GET", connections + "/0", 400, `cookie: expected a number such as 0x1a2b, found "0"`},
		{"GET", connections + "/0x", 400, `cookie: expected a number such as 0x1a2b, found "0x"`},
		{"GET", connections + "/1a2b", 400, `cookie: expected a number such as 0x1a2b, found "1a2b"`},
		{"GET", connections + "/-1", 400, `cookie: expected a number such as 0x1a2b, found "-1"`},
		{"GET", connections + "/0x10000000000000000", 400, `cookie: expected a number such as 0x1a2b, found "0x10000000000000000"`},
		{"GET", connections + "/10?limit=1", 400, `unknown parameter "limit", expected process`},
		{"GET", connections + "/10?process=yes", 400, `process: expected 1, found "yes"`},
		{"GET", connections + "/", 404, "there is only /api/v1/connections and /api/v1/connections/{cookie}"},
		{"GET", connections + "/10/samples", 404, "there is only /api/v1/connections and /api/v1/connections/{cookie}"},
		{"GET", "/api/", 404, "there is only /api/v1/connections and /api/v1/connections/{cookie}"},
		{"POST", "/api/v2/connections", 404, "there is only /api/v1/connections and /api/v1/connections/{cookie}"},
		{"POST", connections, 405, "expected GET or HEAD, found POST"},
		{"DELETE", connections + "/10", 405, "expected GET or HEAD, found DELETE"},
		{"OPTIONS", connections + "?limit=0", 405, "expected GET or HEAD, found OPTIONS"},
	} {
		status, body, header := f.do(t, test.method, test.target)

		var reported struct{ Error *string }
		if err := json.Unmarshal([]byte(body), &reported); err != nil || reported.Error == nil {
			t.Errorf("%s %s: %v in %q", test.method, test.target, err, body)

			continue
		}

		if status != test.status || *reported.Error != test.text {
			t.Errorf("%s %s: %d, %s; expected %d, %s", test.method, test.target, status, *reported.Error, test.status, test.text)
		}

		if allow := header.Get("Allow"); (allow == "GET, HEAD") != (status == 405) {
			t.Errorf("%s %s: %d allows %q", test.method, test.target, status, allow)
		}
	}
}

// TestWriting: quotes and angle brackets are not escaped as HTML.
func TestWriting(t *testing.T) {
	f := newFixture(t, 0).answering(t)

	if _, body, _ := f.do(t, "GET", "/api/v1/connections?filter=<"); body != `{"error":"filter:1:1: expected \"port\", found <that>"}`+"\n" {
		t.Errorf("the body is %q", body)
	}

	f.sample(t, start, row(10, 0), row(11, 0))

	_, body, _ := f.do(t, "GET", "/api/v1/connections")
	lines := strings.Split(body, "\n")

	if len(lines) != 5 || !strings.HasSuffix(lines[0], `"connections":[`) || !strings.HasSuffix(lines[1], "},") || lines[3] != "]}" {
		t.Errorf("not a line for each connection:\n%s", body)
	}
}

func TestHead(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	f.sample(t, start, row(10, 0))

	server := httptest.NewServer(f)
	defer server.Close()

	for path, want := range map[string]int{"": 200, "/10": 200, "/11": 404, "?limit=0": 400} {
		response, err := http.Head(server.URL + "/api/v1/connections" + path)
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()

		if response.StatusCode != want || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %s, %v", path, response.Status, response.Header)
		}
	}
}

func TestBeforeTheFirstSample(t *testing.T) {
	f := newFixture(t, 0).answering(t)

	for _, path := range []string{"", "/10"} {
		if status, body, _ := f.do(t, "GET", "/api/v1/connections"+path); status != 503 || !strings.Contains(body, "no sample yet") {
			t.Errorf("%q: %d, %s", path, status, body)
		}
	}

	f.sample(t, start)

	if got := f.list(t, "/api/v1/connections"); got.Total != 0 || got.Connections == nil {
		t.Errorf("after an empty sample: %+v", got)
	}
}

// source counts the reads from it.
type source struct{ reads int }

func (s *source) Read([]sampler.Target, sampler.Sink) error {
	s.reads++

	return nil
}

// TestTimeout: a request ends after the timeout, and its question is withdrawn.
func TestTimeout(t *testing.T) {
	f := newFixture(t, 20*time.Millisecond)
	f.sample(t, start, row(10, 0))

	if status, body, _ := f.do(t, "GET", "/api/v1/connections"); status != 503 || !strings.Contains(body, "no time for an answer within 20ms") {
		t.Errorf("the question is not taken: %d, %s", status, body)
	}

	taken := make(chan loop.Question, 1)
	go func() { taken <- <-f.questions }()

	if status, _, _ := f.do(t, "GET", "/api/v1/connections"); status != 503 {
		t.Errorf("the question is taken, but not answered: %d", status)
	}

	src := &source{}
	if q := <-taken; !q.Answer(src, time.Now().Add(time.Minute)) || src.reads != 0 {
		t.Errorf("a withdrawn question was answered, %d reads", src.reads)
	}
}

// TestClientDisconnects: the request and its question end.
func TestClientDisconnects(t *testing.T) {
	f := newFixture(t, time.Minute)
	f.sample(t, start, row(10, 0))

	for range 20 { // more than may be open at once
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan struct{})

		go func() {
			f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/connections", http.NoBody))
			close(done)
		}()

		q := f.take(t)
		if q.Answer(nil, time.Now()) { // a first step
			t.Fatal("one step was enough")
		}

		leave()
		<-done

		if !q.Answer(nil, time.Now().Add(time.Minute)) {
			t.Fatal("the question is not done")
		}
	}
}

// TestClientDisconnectsDuringStep: the step ends early.
func TestClientDisconnectsDuringStep(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	looked := 0

	f := newFixture(t, time.Minute)
	f.API = api.New(api.Config{Tracker: f.tracker, Questions: f.questions, ParseFilter: func(string) (func(*sampler.Socket) bool, error) {
		return func(*sampler.Socket) bool {
			looked++

			leave()

			return true
		}, nil
	}})

	rows := make([]diagtest.Row, 1000)
	for i := range rows {
		rows[i] = row(uint16(i+1), 0)
	}

	f.sample(t, start, rows...)

	done := make(chan struct{})

	go func() {
		f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/connections?filter=", http.NoBody))
		close(done)
	}()

	q, until := f.take(t), time.Now().Add(time.Minute)
	if q.Answer(nil, until) || looked == 0 || looked > 100 {
		t.Errorf("%d of %d connections were searched for a client that had disconnected", looked, len(rows))
	}

	<-done

	if !q.Answer(nil, until) {
		t.Error("the question is not done")
	}
}

// TestManyClients: the number of open requests is limited.
func TestManyClients(t *testing.T) {
	f := newFixture(t, 10*time.Second)
	f.sample(t, start, row(10, 0))

	const clients, open = 40, 4

	statuses := make(chan int, clients)

	for range clients {
		go func() {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/connections", http.NoBody))
			statuses <- w.Code
		}()
	}

	for range clients - open {
		if status := <-statuses; status != 503 {
			t.Fatalf("%d instead of 503", status)
		}
	}

	f.answering(t)

	for range open {
		if status := <-statuses; status != 200 {
			t.Fatalf("%d instead of 200", status)
		}
	}
}
