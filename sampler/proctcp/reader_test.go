package proctcp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"

func must(t testing.TB, err error) {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
}

// dirOf makes a directory with the rows in its files.
func dirOf(t *testing.T, files map[string][]string) string {
	t.Helper()

	dir := t.TempDir()
	for name, rows := range files {
		text := strings.Join(append([]string{heading}, rows...), "\n") + "\n"
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}

	return dir
}

func open(t testing.TB, dir string, cfg Config) *Reader {
	t.Helper()

	r, err := Open(dir, cfg)
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })

	return r
}

// collect returns copies of the sockets that a function passes to its sink.
func collect(read func(sampler.Sink) error) (all []sampler.Socket, err error) {
	err = read(func(_ time.Time, batch []sampler.Socket) { all = append(all, batch...) })

	return all, err
}

func dumpOf(r sampler.Source) ([]sampler.Socket, error) {
	return collect(func(sink sampler.Sink) error {
		_, err := r.Dump(sink)

		return err
	})
}

func TestDumpOfFiles(t *testing.T) {
	netlab.RequireByteOrder(t)

	dir := dirOf(t, map[string][]string{
		"tcp": {listenRow, busyRow, timeRow, closedRow, synRow, probeRow}, "tcp6": {ipv6Row},
	})
	r := open(t, dir, Config{Space: 7, Keep: func(s *sampler.Socket) bool { return s.Inode != 815 }})

	all, err := dumpOf(r)
	must(t, err)

	var got []sampler.State

	for _, s := range all {
		got = append(got, s.State)

		if s.Cookie == 0 || s.Space != 7 {
			t.Errorf("key %v", s.Key())
		}
	}

	if want := []sampler.State{sampler.StateListen, sampler.StateEstablished, sampler.StateFinWait2}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}

	targets := []sampler.Target{all[1].Target(), all[2].Target(), all[0].Target(), {Cookie: 99, Family: sampler.FamilyIPv4}}

	again, err := collect(func(sink sampler.Sink) error { return r.Read(targets, sink) })
	if err != nil || len(again) != 2 || again[0] != all[1] || again[1] != all[2] {
		t.Errorf("read %+v, %v", again, err)
	}
}

// TestRecheckReadsWhatItNeeds does not open the file of the other address family.
func TestRecheckReadsWhatItNeeds(t *testing.T) {
	r := open(t, dirOf(t, map[string][]string{"tcp6": {ipv6Row}}), Config{})

	n := 0
	round, err := r.Recheck([]sampler.Target{{Family: sampler.FamilyIPv6}}, func(time.Time, []sampler.Socket) { n++ })

	if err != nil || n != 0 || round.Sockets != 0 || round.End.Before(round.Start) {
		t.Errorf("%d batches, %+v, %v", n, round, err)
	}
}

// TestDumpAcrossReads keeps rows whole that end in another read than they begin.
func TestDumpAcrossReads(t *testing.T) {
	const rows = 1000

	text := make([]string, rows)
	for i := range text {
		text[i] = strings.Replace(busyRow, "C96B", fmt.Sprintf("%04X", i+1), 1)
	}

	r := open(t, dirOf(t, map[string][]string{"tcp": text}), Config{})
	r.buf = r.buf[:333]

	all, err := dumpOf(r)
	must(t, err)

	for i, s := range all {
		if int(s.Remote.Port) != i+1 || s.Inode != 90210 {
			t.Fatalf("row %d: %+v", i, s)
		}
	}

	if len(all) != rows {
		t.Errorf("%d of %d sockets", len(all), rows)
	}
}

// TestDumpSkipsEmptyTables does not read a file without sockets.
func TestDumpSkipsEmptyTables(t *testing.T) {
	dir := dirOf(t, map[string][]string{"tcp": {busyRow}, "tcp6": {ipv6Row}})
	r := open(t, dir, Config{})

	for _, tc := range []struct {
		counts, counts6 string
		want            int
	}{
		{"TCP: inuse 1\n", "TCP6: inuse 1\n", 2},
		{"TCP: inuse 1\n", "TCP6: inuse 0\n", 1},
		{"TCP: inuse 0\n", "TCP6: inuse 0\n", 0},
	} {
		must(t, os.WriteFile(filepath.Join(dir, "sockstat"), []byte(tc.counts), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "sockstat6"), []byte(tc.counts6), 0o600))

		if all, err := dumpOf(r); err != nil || len(all) != tc.want {
			t.Errorf("%s%s%d sockets, %v", tc.counts, tc.counts6, len(all), err)
		}
	}
}

func TestDumpErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string][]string
		raw   string
		want  error
		text  string
	}{
		"no IPv6":       {files: map[string][]string{"tcp": {busyRow}}},
		"nothing":       {want: fs.ErrNotExist, text: "open %s/tcp: no such file or directory"},
		"a broken row":  {files: map[string][]string{"tcp": {busyRow}, "tcp6": {"?"}}, want: sampler.ErrMalformed, text: `read %s/tcp6: malformed row "?"`},
		"an empty file": {raw: "", files: map[string][]string{"tcp": nil}, want: sampler.ErrMalformed, text: `read %s/tcp6: malformed row ""`},
		"no line feed":  {raw: heading + "\n" + busyRow, files: map[string][]string{"tcp": nil}, want: sampler.ErrMalformed},
		"a long row":    {raw: heading + "\n" + strings.Repeat(" ", bufferSize), files: map[string][]string{"tcp": nil}, want: sampler.ErrMalformed},
	} {
		dir := dirOf(t, tc.files)
		if len(tc.files["tcp"]) == 0 && tc.files != nil {
			must(t, os.WriteFile(filepath.Join(dir, "tcp6"), []byte(tc.raw), 0o600))
		}

		_, err := dumpOf(open(t, dir, Config{}))
		if !errors.Is(err, tc.want) || tc.text != "" && err.Error() != fmt.Sprintf(tc.text, dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")

	if _, err := Open(dir, Config{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
}
