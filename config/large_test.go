package config

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tcphealth_exporter/bytecode"
)

var keys = flag.Int("keys", 40_000, "number of networks and rules in a large file")

// large returns a file with a number of rules and networks.
func large(n int) []byte {
	var b strings.Builder

	b.WriteString("rules:\n")

	for i := range n {
		fmt.Fprintf(&b, "  - {filter: 'dport == :%d', profile: bulk}\n", i)
	}

	b.WriteString("networks:\n")

	for i := range n {
		fmt.Fprintf(&b, "  n%d: [10.%d.%d.0/24]\n", i, i>>8, i&0xff)
	}

	return []byte(b.String())
}

// TestLargeFile: a key that is given twice is found however many there are.
func TestLargeFile(t *testing.T) {
	n := *keys
	text := large(n)

	c, err := Parse("f", text, bytecode.Env{})
	if err != nil {
		t.Fatal(err)
	}

	if got := c.Networks; got == nil {
		t.Fatal("no networks")
	}

	_, err = Parse("f", append(text, "  n7: [192.0.2.0/24]\n"...), bytecode.Env{})
	if want := fmt.Sprintf("f:%d:3: networks.n7: given twice, before in line %d", 2*n+3, n+10); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestWorkIsLinear counts how often each statement is executed for a file and for one of
// twice the size: no count grows faster than the file. The packages are those that see each
// key; slices has the linear searches.
func TestWorkIsLinear(t *testing.T) {
	const n = 300

	once, twice := executions(t, n), executions(t, 2*n)
	if len(once) < 1000 {
		t.Fatalf("%d statements in the profile", len(once))
	}

	busy := 0

	for statement, count := range twice {
		if count > 3*once[statement]+n {
			t.Errorf("%s is executed %d times for %d keys, and %d times for twice as many", statement, once[statement], n, count)
		}

		if once[statement] >= n {
			busy++
		}
	}

	if busy < 100 {
		t.Errorf("only %d statements are executed for each key", busy)
	}
}

// executions returns how often TestLargeFile executes each statement for a number of keys.
func executions(t *testing.T, n int) map[string]int {
	t.Helper()

	profile := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command("go", "test", "-buildvcs=false", "-count=1", "-run=^TestLargeFile$", "-covermode=count", "-coverprofile="+profile,
		"-coverpkg=.,tcphealth_exporter/bytecode,tcphealth_exporter/health/group,go.yaml.in/yaml/v4/...,slices", ".", "-keys="+strconv.Itoa(n))

	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}

	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}

	counts := make(map[string]int)

	for line := range strings.Lines(string(text)) {
		// FILE:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT
		if fields := strings.Fields(line); len(fields) == 3 {
			if counts[fields[0]], err = strconv.Atoi(fields[2]); err != nil {
				t.Fatal(err)
			}
		}
	}

	return counts
}

// BenchmarkParse reports the time per key, which must not grow with their number.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{400, 4_000, 40_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			text := large(n)

			for b.Loop() {
				if _, err := Parse("f", text, bytecode.Env{}); err != nil {
					b.Fatal(err)
				}
			}

			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
		})
	}
}
