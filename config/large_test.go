package config

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"tcphealth_exporter/bytecode"
)

// manyNetworks returns a file that names a number of networks.
func manyNetworks(n int) []byte {
	var b strings.Builder

	b.WriteString("networks:\n")

	for i := range n {
		fmt.Fprintf(&b, "  n%d: [10.%d.%d.0/24]\n", i, i>>8, i&0xff)
	}

	return []byte(b.String())
}

// TestLargeFile: a key that is given twice is found however many there are.
func TestLargeFile(t *testing.T) {
	const n = 40_000

	text := manyNetworks(n)

	c, err := Parse("f", text, bytecode.Env{})
	if err != nil {
		t.Fatal(err)
	}

	if got := c.Networks; got == nil {
		t.Fatal("no networks")
	}

	_, err = Parse("f", append(text, "  n7: [192.0.2.0/24]\n"...), bytecode.Env{})
	if want := fmt.Sprintf("f:%d:3: networks.n7: given twice, before in line 9", n+2); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// BenchmarkParse reports the time per key, which must not grow with their number.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{400, 4_000, 40_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			text := manyNetworks(n)

			for b.Loop() {
				if _, err := Parse("f", text, bytecode.Env{}); err != nil {
					b.Fatal(err)
				}
			}

			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
		})
	}
}
