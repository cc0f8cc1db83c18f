package sstext_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/sstext"
)

// patience bounds the wait for sockets to come into the state that a scene is about.
const patience = 10 * time.Second

// lab is two namespaces, a cable between them, and sockets in the near one.
type lab struct {
	near, far *netlab.Namespace
	link      netlab.Link
}

// TestLive makes sockets of all kinds and finds each of them in what ss says.
func TestLive(t *testing.T) {
	l := newLab(t)
	scenes := slices.Concat(l.listeners(t), l.connections(t), l.closings(t), l.troubles(t))
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) { l.await(t, s) })
	}
	t.Run("words", func(t *testing.T) {
		for _, row := range l.list(t, "-tinmoeOHa") {
			requireKnownWords(t, row)
		}
	})
	t.Run("header", func(t *testing.T) {
		plain, headed := l.list(t, "-tinmoeOHa"), l.list(t, "-tinmoeOa")
		if diff := cmp.Diff(cookies(plain), cookies(headed)); diff != "" {
			t.Errorf("the header makes a difference (-without +with):\n%s", diff)
		}
	})
}

// newLab builds the lab.
func newLab(t *testing.T) lab {
	t.Helper()
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "ss")
	netlab.RequireTool(t, "nft")
	l := lab{near: netlab.New(t), far: netlab.New(t)}
	l.link = netlab.Join(t, l.near, l.far, 7)
	l.far.Run(t, "nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; }")
	return l
}

// list has ss print the sockets of the near namespace and parses that.
func (l lab) list(t *testing.T, options string) []sstext.Row {
	t.Helper()
	rows, err := sstext.Parse(l.near.Run(t, "ss", options))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// await lists sockets until the scene's passes its check.
func (l lab) await(t *testing.T, s scene) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		rows := l.list(t, "-tinmoeOHa")
		i := slices.IndexFunc(rows, s.is)
		if i >= 0 && s.check(rows[i]) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not found, or not as it should be (row %d), in %+v", i, rows)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// requireKnownWords fails the test if ss printed an item that the parser took for a word and is none.
func requireKnownWords(t *testing.T, row sstext.Row) {
	t.Helper()
	known := []string{"<->", "<--", "-->", "---", "ts", "sack", "ecn", "ecnseen", "app_limited", "tcp-ulp-mptcp", row.Congestion}
	for _, word := range row.Words {
		if !slices.Contains(known, word) {
			t.Errorf("the unknown word %q in %+v", word, row)
		}
	}
	if row.Congestion != "" && strings.ContainsAny(row.Congestion, "<>:_()") {
		t.Errorf("%q is no congestion control", row.Congestion)
	}
}

// cookies returns the cookies of all sockets, in order.
func cookies(rows []sstext.Row) []uint64 {
	var all []uint64
	for _, row := range rows {
		all = append(all, row.SocketCookie)
	}
	slices.Sort(all)
	return all
}
