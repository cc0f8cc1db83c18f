package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const connectionsPath = "/api/v1/connections"

// answers returns the answers of a fixture about connections of every kind: unhealthy,
// ended, without socket or tcp_info, with large and small numbers.
func answers(t *testing.T) string {
	t.Helper()

	f := newFixture(t, 0).answering(t)

	for n := range 6 {
		busy := row(14, 0)
		busy.State, busy.Timer, busy.Expires, busy.TimerRetrans = sampler.StateEstablished, sampler.TimerRetransmit, 1234, 2
		busy.SendQueue, busy.RecvQueue, busy.UID, busy.Inode = uint32(1000+n*n*8), uint32(n*n), 1000, 99
		busy.Info.BytesSent, busy.Info.BytesAcked = 1<<60+uint64(n), 1<<53+1
		busy.Info.BytesRetrans, busy.Info.DataSegsOut = uint64(3*n), uint32(1000*n)
		busy.Info.BusyTime, busy.Info.RwndLimited, busy.Info.SndbufLimited = uint64(n)*1_000_003, uint64(n)*77_777, 5
		busy.Info.RTTVar, busy.Info.MinRTT, busy.Info.DeliveryRate = 1, 1, 1_250_000_000
		busy.Attributes = []diagtest.Attribute{diagtest.Congestion("bbr")}

		bare := row(15, 0)
		bare.InfoSize = diagtest.NoInfo

		old := row(16, 2)
		old.InfoSize = 104

		local := row(17, 2)
		local.Local, local.Remote = netip.MustParseAddrPort("[fe80::1]:22"), netip.MustParseAddrPort("[fe80::2]:17")
		local.Ifindex = 3

		rows := []diagtest.Row{row(10, 0), row(11, 2), row(12, 3), busy, bare, old, local, row(13, 0)}
		if n > 2 {
			rows = rows[:len(rows)-1]
		}

		f.sample(t, start.Add(time.Duration(n)*1001*time.Millisecond), rows...)
	}

	var b strings.Builder

	for _, target := range []string{"", "?include=ended&limit=3", "?filter=port+1", "/10", "/12", "/13", "/14", "/15", "/16", "/17"} {
		_, body, _ := f.do(t, "GET", connectionsPath+target)
		b.WriteString("GET " + connectionsPath + target + "\n" + body + "\n")
	}

	return b.String()
}

// TestAnswersGolden fixes every byte of the answers.
func TestAnswersGolden(t *testing.T) {
	const path = "testdata/answers.golden"

	got := answers(t)

	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if got != string(want) {
		t.Errorf("the answers differ from %s; see make golden. They are\n%s", path, got)
	}
}

// TestRoundTrip unmarshals the answers into the types of package v1, which marshal to
// the same bytes.
func TestRoundTrip(t *testing.T) {
	answered, samples := 0, 0

	for line := range strings.Lines(answers(t)) {
		var (
			connection v1.Connection
			back       bytes.Buffer
		)

		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), ",")
		if !strings.HasPrefix(line, `{"local_address"`) {
			continue
		}

		if err := json.Unmarshal([]byte(line), &connection); err != nil {
			t.Fatalf("%v in %s", err, line)
		}

		encoder := json.NewEncoder(&back)
		encoder.SetEscapeHTML(false)

		if err := encoder.Encode(connection); err != nil {
			t.Fatal(err)
		}

		if got := strings.TrimSuffix(back.String(), "\n"); got != line {
			t.Errorf("%s\nbecomes\n%s", line, got)
		}

		answered++
		samples += len(connection.Samples)
	}

	if answered == 0 || samples == 0 {
		t.Errorf("%d connections, %d samples", answered, samples)
	}
}

// TestWholeAnswer unmarshals an answer with its list.
func TestWholeAnswer(t *testing.T) {
	f := newFixture(t, 0).answering(t)
	f.sample(t, start, row(12, 3), row(10, 0))

	_, body, _ := f.do(t, "GET", connectionsPath+"?limit=1")

	var list v1.ConnectionList
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}

	if !list.SampledAt.Equal(start) || list.Total != 2 || !list.Truncated || len(list.Connections) != 1 {
		t.Fatalf("%+v", list)
	}

	c := list.Connections[0]
	if c.RemotePort != 12 || c.Status != "STALE" || !c.FirstSeen.Equal(start) || !c.Ended.IsZero() || c.Socket.Timer != "none" {
		t.Errorf("%+v", c)
	}

	if rto, ok := c.TCPInfo.Get("rto_seconds"); rto != 0.22 || !ok {
		t.Errorf("rto %v, %t", rto, ok)
	}

	_, body, _ = f.do(t, "GET", connectionsPath+"/99")

	var failure v1.Error
	if err := json.Unmarshal([]byte(body), &failure); err != nil || failure.Error != "no connection has the cookie 0x63" {
		t.Errorf("%v, %+v", err, failure)
	}
}
