package lab

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/sstext"
)

// claim is something that the lab makes, and what ss(8) has to show of it.
type claim struct {
	name    string
	sc      Scenario
	patient time.Duration // How long it may take to show.
	shown   func(row sstext.Row, s *Scene) (string, bool)
}

// number returns an item of ss that starts with a number, 0 if it is not there.
func number(row sstext.Row, key string) float64 {
	text, _, _ := strings.Cut(row.Values[key], "/")
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

var claimTable = []claim{
	{
		"an RTT of 120 ms",
		Scenario{RTT: 120 * ms, Traffic: requests(20)},
		5 * time.Second,
		func(row sstext.Row, _ *Scene) (string, bool) {
			rtt := number(row, "rtt")
			return fmt.Sprintf("an RTT of %v ms", rtt), rtt >= 120 && rtt < 140
		},
	},
	{
		"a loss of 10 %",
		Scenario{RTT: 10 * ms, Path: netlab.Conditions{Loss: 0.1}, Traffic: func(s *Scene) {
			s.Connect()
			s.Push(s.Client, 1000, 5*ms)
			s.Drain(s.Server)
		}},
		time.Minute,
		func(row sstext.Row, _ *Scene) (string, bool) {
			sent, again := number(row, "bytes_sent"), number(row, "bytes_retrans")
			return fmt.Sprintf("%v of %v bytes again", again, sent), sent > 1e6 && again/sent > 0.07 && again/sent < 0.17
		},
	},
	{
		"a black hole",
		Scenario{RTT: 20 * ms, Traffic: requests(5), Fault: bothWays},
		10 * time.Second,
		func(row sstext.Row, _ *Scene) (string, bool) {
			return fmt.Sprintf("back-off %v, timer %+v", number(row, "backoff"), row.Timer), number(row, "backoff") >= 3 && row.Timer.Name == "on"
		},
	},
	{
		"a zero window",
		Scenario{RTT: 20 * ms, Traffic: func(s *Scene) {
			s.ServerBuffer = 16 << 10
			s.Connect()
			s.Push(s.Client, 4000, 20*ms)
			s.Drain(s.Server)
		}, Fault: func(s *Scene) { s.Stop(s.Server) }},
		10 * time.Second,
		func(row sstext.Row, _ *Scene) (string, bool) {
			return fmt.Sprintf("timer %+v, snd_wnd %q", row.Timer, row.Values["snd_wnd"]), row.Timer.Name == "persist" && number(row, "snd_wnd") == 0
		},
	},
	{
		"unanswered keepalives",
		Scenario{RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.keepalive(s.Client)
		}, Fault: bothWays},
		10 * time.Second,
		func(row sstext.Row, _ *Scene) (string, bool) {
			return fmt.Sprintf("timer %+v", row.Timer), row.Timer.Name == "keepalive" && row.Timer.Retrans >= 2
		},
	},
}

// TestClaims compares what the lab claims to make with what ss shows.
func TestClaims(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "ss")
	for _, c := range claimTable {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, &c.sc, 1, false)
			c.sc.Traffic(s)
			if c.sc.Fault != nil {
				time.Sleep(time.Second)
				c.sc.Fault(s)
			}
			shown, ok := "nothing", false
			for deadline := time.Now().Add(c.patient); !ok && time.Now().Before(deadline); time.Sleep(50 * ms) {
				shown, ok = c.shown(s.show(t), s)
			}
			if !ok {
				t.Errorf("ss shows %s", shown)
			}
		})
	}
}

// show returns what ss says of the subject.
func (s *Scene) show(t *testing.T) sstext.Row {
	t.Helper()
	rows, err := sstext.Parse(s.near.Run(t, "ss", "-tinoOH", fmt.Sprintf("sport = :%d", s.subject.Load())))
	if err != nil || len(rows) != 1 {
		t.Fatalf("ss shows %+v, %v; want one connection", rows, err)
	}
	return rows[0]
}
