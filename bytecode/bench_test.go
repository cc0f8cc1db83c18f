package bytecode

import (
	"fmt"
	"strings"
	"testing"
)

// Filters of a size, of the kinds that cost differently.
var sizedFilters = []struct {
	kind  string
	build func(n int) string
}{
	// Nothing can be merged: one test after the other.
	{"pairs", func(n int) string { return repeated(n, " or ", "dst = 10.%d.%d.1:%d") }},
	// One set, which is searched.
	{"ports", func(n int) string { return "dport = " + numbers(n, func(i int) string { return itoa(1 + 7*i) }) }},
	{"hosts", func(n int) string {
		return "dst = " + numbers(n, func(i int) string { return fmt.Sprintf("10.%d.%d.1", i/256, i%256) })
	}},
}

func repeated(n int, separator, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i/256, i%256, 1+3*i)
	}

	return strings.Join(parts, separator)
}

func numbers(n int, item func(int) string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = item(i)
	}

	return strings.Join(items, ",")
}

var benchSubject = Subject{
	Local:  Endpoint{[16]byte{10: 0xff, 0xff, 127, 0, 1, 1}, 40000},
	Remote: Endpoint{[16]byte{10: 0xff, 0xff, 127, 0, 1, 1}, 50000},
	Family: familyIPv4,
}

// unlimited is a kernel that gets it all.
var unlimited = Features{PortEqual: true, Device: true, Mark: true, Cgroup: true, MaxCompares: 1 << 20}

func BenchmarkMatch(b *testing.B) { benchmarkSized(b, benchmarkMatch) }

func BenchmarkEval(b *testing.B) { benchmarkSized(b, benchmarkEval) }

func BenchmarkCompile(b *testing.B) { benchmarkSized(b, benchmarkCompile) }

func benchmarkSized(b *testing.B, run func(b *testing.B, f *Filter)) {
	for _, k := range sizedFilters {
		for _, n := range []int{1, 10, 50, 200, 1000} {
			b.Run(fmt.Sprintf("%s=%d", k.kind, n), func(b *testing.B) {
				b.ReportAllocs()
				run(b, mustParse(b, k.build(n)))
			})
		}
	}
}

func benchmarkMatch(b *testing.B, f *Filter) {
	plan, err := f.Compile(unlimited)
	if err != nil || plan.Rest != nil {
		b.Fatal(err, plan.Notes)
	}

	for b.Loop() {
		if Match(plan.Program, &benchSubject) {
			b.Fatal("matches")
		}
	}
}

func benchmarkEval(b *testing.B, f *Filter) {
	f = f.Simplify()

	for b.Loop() {
		if f.Eval(&benchSubject) {
			b.Fatal("matches")
		}
	}
}

func benchmarkCompile(b *testing.B, f *Filter) {
	for b.Loop() {
		if _, err := f.Compile(unlimited); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNoAllocations: what runs for every socket makes no garbage.
func TestNoAllocations(t *testing.T) {
	sources := []string{"autobound or dev 3 and fwmark 1/1 or cgroup 3 or src [fd00::]/8:80,90-99,7 or not dst 10.0.0.0/8,::1,::3"}
	for _, k := range sizedFilters {
		sources = append(sources, k.build(100))
	}

	for _, src := range sources {
		f := mustParse(t, src)

		plan, err := f.Compile(unlimited)
		if err != nil || plan.Rest != nil {
			t.Fatal(err, plan.Notes)
		}

		allocs := testing.AllocsPerRun(100, func() {
			f.Eval(&benchSubject)
			Match(plan.Program, &benchSubject)
		})
		if allocs != 0 {
			t.Errorf("%.40q: %v allocations", src, allocs)
		}
	}
}
