package sampler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/sstext"
)

var updateTable = struct{ update *bool }{flag.Bool("update", false, "rewrite the golden files under testdata")}

// The files of a recorded scene, in a directory that names the kernel.
const (
	sceneRecording = "scene.rec"
	sceneBefore    = "scene.ss"
	sceneAfter     = "scene.after.ss"
)

// TestSceneGolden replays the recorded scenes and compares every figure with the output
// of ss. With -update it first records the scene on the running kernel.
func TestSceneGolden(t *testing.T) {
	if *updateTable.update {
		writeScene(t, newScene(t).record(t))
	}
	dirs, err := filepath.Glob("testdata/*/" + sceneRecording)
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no recorded scene: %v", err)
	}
	for _, path := range dirs {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			tally := compareScene(t, readScene(t, filepath.Dir(path)), t.Error)
			tally.requireMinima(t)
		})
	}
}

// TestSceneLive makes the scene on the running kernel.
func TestSceneLive(t *testing.T) {
	s := newScene(t)
	for attempt := 1; ; attempt++ {
		// A timer that fires between the readings changes figures legitimately.
		var complaints []any
		tally := compareScene(t, s.record(t), func(args ...any) { complaints = append(complaints, args...) })
		if len(complaints) == 0 {
			tally.requireMinima(t)
			return
		}
		if attempt == 3 {
			t.Fatal(complaints...)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// tally counts the comparisons.
type tally struct {
	rows   int
	states map[State]int
	// equal counts comparisons, shown those for which ss printed a number.
	equal, shown map[string]int
}

// unseenTable has the figures that do not occur in the scene.
var unseenTable = []string{"reord_seen", "reordering", "sndbuf_limited", "skmem t", "skmem o", "skmem bl"}

// requireMinima fails the test if it compared too little.
func (n *tally) requireMinima(t *testing.T) {
	t.Helper()
	if n.rows < 45 {
		t.Errorf("only %d rows were compared", n.rows)
	}
	for s := StateEstablished; s < NumStates; s++ {
		if s != StateClose && n.states[s] == 0 {
			t.Errorf("no row in state %v", s)
		}
	}
	for i := range figureTable {
		name := figureTable[i].name
		if n.equal[name] < n.rows {
			t.Errorf("%s was compared %d times in %d rows", name, n.equal[name], n.rows)
		}
		if n.shown[name] == 0 && !slices.Contains(unseenTable, name) {
			t.Errorf("ss never printed %s", name)
		}
	}
	for _, name := range []string{"address", "v4-mapped", "zone", "interface", "congestion", "timer left", "cgroup"} {
		if n.shown[name] == 0 {
			t.Errorf("no %s was compared", name)
		}
	}
	total := 0
	for _, count := range n.shown {
		total += count
	}
	if total < 1500 {
		t.Errorf("only %d numbers were compared", total)
	}
	t.Logf("%d rows, %d numbers, states %v", n.rows, total, n.states)
}

// compareScene replays m and reports every difference from ss.
func compareScene(t *testing.T, m material, complain func(...any)) *tally {
	t.Helper()
	before, after := parseScene(t, m.before), parseScene(t, m.after)
	n := &tally{states: map[State]int{}, equal: map[string]int{}, shown: map[string]int{}}
	links := map[string]uint32{}
	seen := map[uint64]bool{}
	for _, s := range replayAll(t, m.recording) {
		b, inBefore := before[s.Cookie]
		a, inAfter := after[s.Cookie]
		if !inBefore || !inAfter {
			complain(fmt.Sprintf("socket %x is not in both readings of ss: %+v\n", s.Cookie, s))
			continue
		}
		if s.State == StateListen && seen[s.Cookie] {
			// The second time it has tcp_info only.
			requireSameListener(t, b, &s)
			continue
		}
		seen[s.Cookie] = true
		n.rows++
		n.states[s.State]++
		for _, err := range n.compare(&s, b, a, links) {
			complain(fmt.Sprintf("%v %v > %v: %v\n", s.State, s.Local.AddrPort(), s.Remote.AddrPort(), err))
		}
	}
	for cookie, row := range before {
		if _, stays := after[cookie]; stays && !seen[cookie] {
			complain(fmt.Sprintf("ss has a socket that the dump lacks: %+v\n", row))
		}
	}
	return n
}

// compare returns all differences for one socket.
func (n *tally) compare(s *Socket, before, after sstext.Row, links map[string]uint32) []error {
	var errs []error
	if before.StateNumber() != uint8(s.State) && after.StateNumber() != uint8(s.State) {
		errs = append(errs, fmt.Errorf("state %s", before.State))
	}
	errs = append(errs, n.compareAddresses(s, before, links)...)
	errs = append(errs, n.compareTimer(s, before.Timer, after.Timer)...)
	if s.CongestionName() != before.Congestion || s.Has(HasCongestion) != (before.Congestion != "") {
		errs = append(errs, fmt.Errorf("congestion control %q, ss %q", s.CongestionName(), before.Congestion))
	}
	n.shown["congestion"] += int(one(before.Congestion != ""))
	if s.Has(HasCgroup) != (before.Cgroup != "") || s.Has(HasCgroup) != (s.CgroupID != 0) {
		errs = append(errs, fmt.Errorf("cgroup id %d, ss %q", s.CgroupID, before.Cgroup))
	}
	n.shown["cgroup"] += int(one(s.CgroupID != 0))
	for i := range figureTable {
		figure := &figureTable[i]
		if s.State == StateSynSent && figure.motion == clock {
			if _, ok := figure.ours(s); ok {
				errs = append(errs, fmt.Errorf("%s is present, but no data was sent yet", figure.name))
			}
			n.equal[figure.name]++
			continue
		}
		shown, err := figure.agree(s, before, after)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		n.equal[figure.name]++
		n.shown[figure.name] += int(one(shown))
	}
	return errs
}

// compareAddresses also compares the index of the interface with its name: links has the
// known pairs.
func (n *tally) compareAddresses(s *Socket, row sstext.Row, links map[string]uint32) []error {
	var errs []error
	local, remote := row.Local.Addr().WithZone(""), row.Remote.Addr().WithZone("")
	if s.Local.AddrPort().Addr() != local.Unmap() || s.Remote.AddrPort().Addr() != remote.Unmap() ||
		s.Local.Port != row.Local.Port() || s.Remote.Port != row.Remote.Port() {
		errs = append(errs, fmt.Errorf("addresses %v %v, ss %v %v", s.Local.AddrPort(), s.Remote.AddrPort(), row.Local, row.Remote))
	}
	if (s.Family == FamilyIPv4) != local.Is4() {
		errs = append(errs, fmt.Errorf("family %d, ss %v", s.Family, row.Local))
	}
	if s.LinkLocal() != (local.IsLinkLocalUnicast() && local.Is6()) {
		errs = append(errs, fmt.Errorf("link-local %v, ss %v", s.LinkLocal(), row.Local))
	}
	if known, ok := links[row.Interface]; ok && known != s.Ifindex {
		errs = append(errs, fmt.Errorf("interface %d, %s was %d", s.Ifindex, row.Interface, known))
	}
	links[row.Interface] = s.Ifindex
	if (s.Ifindex != 0) != (row.Interface != "") || (row.Interface == "lo" && s.Ifindex != 1) {
		errs = append(errs, fmt.Errorf("interface %d, ss %q", s.Ifindex, row.Interface))
	}
	n.shown["address"]++
	n.shown["v4-mapped"] += int(one(local.Is4In6()))
	n.shown["zone"] += int(one(s.LinkLocal() && s.Ifindex != 0))
	n.shown["interface"] += int(one(row.Interface == "lo"))
	return errs
}

// compareTimer allows for the time between the readings, and for ss, which rounds to
// seconds from ten seconds on.
func (n *tally) compareTimer(s *Socket, before, after sstext.Timer) []error {
	name := timerTable[s.Timer]
	if name != before.Name && name != after.Name {
		return []error{fmt.Errorf("timer %v, ss %q then %q", s.Timer, before.Name, after.Name)}
	}
	left := time.Duration(s.Expires) * time.Millisecond
	slack := time.Duration(grain) * time.Millisecond
	if left >= 10*time.Second {
		slack = time.Second
	}
	if before.Name == after.Name && (left > before.Left+slack || left < after.Left-slack) && after.Left <= before.Left {
		return []error{fmt.Errorf("timer expires in %v, ss %v then %v", left, before.Left, after.Left)}
	}
	n.shown["timer left"] += int(one(left != 0))
	return nil
}

// requireSameListener compares the few figures of a listener.
func requireSameListener(t *testing.T, row sstext.Row, s *Socket) {
	t.Helper()
	if uint64(s.RecvQueue) != row.RecvQ || uint64(s.SendQueue) != row.SendQ || s.Local.Port != row.Local.Port() ||
		uint64(s.Info.Unacked()) != row.RecvQ || uint64(s.Info.Sacked()) != row.SendQ || s.Inode != row.Inode {
		t.Errorf("listener %+v, ss %+v", s, row)
	}
}

// replayAll returns copies of all sockets of a recording of one dump.
func replayAll(t testing.TB, recording []byte) []Socket {
	t.Helper()
	p, err := NewReplay(bytes.NewReader(recording))
	must(t, err)
	var sockets []Socket
	d, err := p.Dump(func(_ time.Time, batch []Socket) { sockets = append(sockets, batch...) })
	must(t, err)
	if d.Sockets != len(sockets) || d.Datagrams == 0 || !d.End.After(d.Start) {
		t.Fatalf("%d sockets, but %+v", len(sockets), d)
	}
	if _, err := p.Dump(nil); !errors.Is(err, io.EOF) {
		t.Fatalf("after the only dump: %v", err)
	}
	return sockets
}

// parseScene returns the rows of ss by cookie.
func parseScene(t *testing.T, text string) map[uint64]sstext.Row {
	t.Helper()
	rows, err := sstext.Parse(text)
	must(t, err)
	byCookie := make(map[uint64]sstext.Row, len(rows))
	for _, row := range rows {
		byCookie[row.SocketCookie] = row
	}
	if len(byCookie) != len(rows) {
		t.Fatalf("%d rows have %d cookies", len(rows), len(byCookie))
	}
	return byCookie
}

// writeScene writes the golden files of the running kernel.
func writeScene(t *testing.T, m material) {
	t.Helper()
	release := strings.SplitN(KernelRelease(), ".", 3)
	dir := filepath.Join("testdata", release[0]+"."+release[1])
	must(t, os.MkdirAll(dir, 0o755))
	files := map[string][]byte{
		sceneRecording: m.recording, sceneBefore: tidy(m.before), sceneAfter: tidy(m.after),
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(t, os.WriteFile(filepath.Join(dir, name), files[name], 0o644))
	}
}

// tidy removes the padding and the names of cgroups from the output of ss.
func tidy(text string) []byte {
	text = regexp.MustCompile(` +`).ReplaceAllString(text, " ")
	return regexp.MustCompile(`cgroup:\S+`).ReplaceAll([]byte(text), []byte("cgroup:/"))
}

// readScene reads the golden files in dir.
func readScene(t testing.TB, dir string) material {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the scenes are little-endian, this host is big-endian")
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		return b
	}
	return material{read(sceneRecording), string(read(sceneBefore)), string(read(sceneAfter))}
}

// disagreement is a figure for which ss and the sampler differ.
type disagreement struct {
	name                string
	ours, before, after float64
}

func (d disagreement) Error() string {
	return fmt.Sprintf("%s is %v, ss has %v then %v", d.name, d.ours, d.before, d.after)
}
