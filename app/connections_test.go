package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/sampler"
)

const (
	connectionsPath = "/api/v1/connections"
	apiDoc          = "../docs/api.md"
)

// found is the part of an answer of the API that these tests check.
type found struct {
	SampledAt   time.Time `json:"sampled_at"`
	Total       int
	Truncated   bool
	Connections []foundConnection
}

type foundConnection struct {
	LocalAddress  string      `json:"local_address"`
	LocalPort     json.Number `json:"local_port"`
	RemoteAddress string      `json:"remote_address"`
	RemotePort    json.Number `json:"remote_port"`
	Cookie        string
	State         string
	Ended         time.Time
	ReadAt        time.Time `json:"read_at"`
	Trend         map[string]json.Number
	TCPInfo       map[string]json.Number `json:"tcp_info"`
	Samples       []map[string]any
}

// ends returns both ends.
func (c *foundConnection) ends() string {
	return net.JoinHostPort(c.LocalAddress, c.LocalPort.String()) + " " + net.JoinHostPort(c.RemoteAddress, c.RemotePort.String())
}

// find queries the API.
func (p *instance) find(t *testing.T, path string, parameters ...string) (f found) {
	t.Helper()

	values := make(url.Values)
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}

	if len(values) > 0 {
		path += "?" + values.Encode()
	}

	body := p.get(t, connectionsPath+path)
	if err := json.Unmarshal([]byte(body), &f); err != nil {
		t.Fatalf("%s: %v in\n%s", path, err, body)
	}

	return f
}

// readable indents an answer and fills the lines inside a connection.
func readable(t *testing.T, answer string) string {
	t.Helper()

	const members, width = "        ", 118

	var indented, filled bytes.Buffer
	if err := json.Indent(&indented, []byte(answer), "", "  "); err != nil {
		t.Fatalf("%v in\n%s", err, answer)
	}

	column := width // begins a new line

	for line := range strings.Lines(indented.String()) {
		line = strings.TrimSuffix(line, "\n")
		text := strings.TrimLeft(line, " ")

		switch {
		case !strings.HasPrefix(line, members):
			filled.WriteString("\n" + line)

			column = width
		case column+len(text) >= width || text == "{":
			filled.WriteString("\n" + members + text)

			column = len(members + text)
		default:
			filled.WriteString(" " + text)

			column += 1 + len(text)
		}
	}

	return strings.TrimPrefix(filled.String(), "\n") + "\n"
}

// TestGoldenConnections queries the connections of a replay.
func TestGoldenConnections(t *testing.T) {
	p := start(t, "--sampler.replay="+scenePath, "--collector.connections=3")
	p.awaitReady(t)

	for golden, path := range map[string]string{
		"testdata/scene_connections.json": connectionsPath + "?include=ended",
		"testdata/scene_connection.json":  connectionsPath + "/" + p.find(t, "", "filter", "dport = 81").Connections[0].Cookie,
	} {
		got := readable(t, p.get(t, path))

		if *update {
			writeFile(t, golden, got)
		}

		if diff := cmp.Diff(readFile(t, golden), got); diff != "" {
			t.Errorf("%s (-golden +answered):\n%s", golden, diff)
		}

		if again := readable(t, p.get(t, path)); again != got {
			t.Errorf("%s: not the same twice:\n%s", golden, cmp.Diff(got, again))
		}
	}
}

// exampleTable matches the example in the documentation: a request and its answer.
var exampleTable = regexp.MustCompile("(?s)```http\nGET ([^\n]+)\n```\n\n```json\n(.*?)```")

// TestGoldenAPIDoc makes the request of the documentation's example to a replay
// of the scene.
func TestGoldenAPIDoc(t *testing.T) {
	doc := readFile(t, apiDoc)

	example := exampleTable.FindStringSubmatchIndex(doc)
	if example == nil {
		t.Fatalf("%s has no example", apiDoc)
	}

	p := start(t, "--sampler.replay="+scenePath)
	p.awaitReady(t)

	answer := readable(t, p.get(t, doc[example[2]:example[3]]))

	if *update {
		writeFile(t, apiDoc, doc[:example[4]]+answer+doc[example[5]:])
		doc = readFile(t, apiDoc)
	}

	if !strings.Contains(doc, "```json\n"+answer+"```\n") {
		t.Errorf("%s has another answer (-documented +answered):\n%s", apiDoc, cmp.Diff(doc[example[4]:example[5]], answer))
	}
}

// TestConnectionsAgreeWithMetrics compares the figures in the API with the metrics.
func TestConnectionsAgreeWithMetrics(t *testing.T) {
	p := start(t, "--sampler.replay="+scenePath, "--collector.connections.min-age=0s", "--collector.connections.set=health,trend,tcp,full")
	p.awaitReady(t)

	body := p.get(t, "/metrics")
	all := p.find(t, "", "include", "ended")
	compared := make(map[string]int)

	for i := range all.Connections {
		c := &all.Connections[i]

		compare := func(metric string, figure json.Number) {
			series := fmt.Sprintf(`%s{local_address="%s",local_port="%s",remote_address="%s",remote_port="%s"}`,
				metric, c.LocalAddress, c.LocalPort, c.RemoteAddress, c.RemotePort)

			want, ok := valueOf(t, body, series)
			if got, err := figure.Float64(); err != nil || !ok || got != want {
				t.Errorf("%s is %v (%t), the API has %q", series, want, ok, figure)
			}

			compared[metric]++
		}

		for name, figure := range c.Trend {
			compare("tcphealth_connection_"+name, figure)
		}

		for _, m := range collector.Catalogue() {
			if figure, ok := c.figureOf(m.Source); ok && m.Set != "" {
				compare(m.Name, figure)
			}
		}
	}

	if len(all.Connections) < 10 || len(compared) < 70 {
		t.Errorf("%d figures of %d connections compared", len(compared), len(all.Connections))
	}
}

// figureOf returns the figure that comes from a field of tcp_info.
func (c *foundConnection) figureOf(source string) (json.Number, bool) {
	field, ok := strings.CutPrefix(source, "tcpi_")
	if !ok {
		return "", false
	}

	for _, suffix := range []string{"", "_seconds", "_segments", "_bytes", "_bytes_per_second"} {
		if field+suffix == "delivered_ce_bytes" && suffix != "" {
			continue // the field of that name
		}

		if figure, ok := c.TCPInfo[field+suffix]; ok {
			return figure, true
		}
	}

	return "", false
}

// TestConnectionsOfEachField checks that the API has a distinct name for each field of
// tcp_info.
func TestConnectionsOfEachField(t *testing.T) {
	var names []string

	p := start(t, "--sampler.replay="+scenePath)
	p.awaitReady(t)

	all := p.find(t, "")
	for i := range all.Connections {
		for name := range all.Connections[i].TCPInfo {
			names = append(names, name)
		}
	}

	slices.Sort(names)

	// No connection of the scene has a max_pacing_rate or a receiver's RTT.
	if names = slices.Compact(names); len(names) < int(sampler.NumFields)-3 || len(names) > int(sampler.NumFields) {
		t.Errorf("%d names for %d fields: %q", len(names), sampler.NumFields, names)
	}
}
