package bytecode

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
)

const (
	benchSockets = 20_000
	perHolder    = 5_000 // connections: two file descriptors each
	extInfo      = 0x02
)

// BenchmarkDump is the table from which DefaultMaxCompares was chosen: what a dump
// of 20,000 sockets costs that finds nothing, with the filter in the kernel and
// with the filter in user space, over the size of the filter. The audit is what of
// the kernel's time goes by before the first socket.
func BenchmarkDump(b *testing.B) {
	netlab.RequireRoot(b)

	ns := netlab.New(b)
	for i := range benchSockets / 2 / perHolder {
		holder.Start(b, ns, perHolder, fmt.Sprintf("127.0.%d.1", i+1), nil)
	}

	d := dialDiag(b, ns)
	if err := d.dump(nil, hotStates, extInfo, nil); err != nil { // gets used to the buffer
		b.Fatal(err)
	}

	b.Run("everything", func(b *testing.B) {
		for b.Loop() {
			rows := 0
			if err := d.dump(nil, hotStates, extInfo, func([]byte) { rows++ }); err != nil || rows != benchSockets {
				b.Fatal(rows, err)
			}
		}
	})

	for _, k := range sizedFilters {
		for _, n := range []int{1, 10, 50, 200, 1000} {
			f := mustParse(b, k.build(n)).Simplify()

			b.Run(fmt.Sprintf("%s=%d/kernel", k.kind, n), func(b *testing.B) { benchmarkKernel(b, d, f) })
			b.Run(fmt.Sprintf("%s=%d/user", k.kind, n), func(b *testing.B) { benchmarkUser(b, d, f) })
		}
	}

	b.Run("hundredth/kernel", func(b *testing.B) { benchmarkKernel(b, d, mustParse(b, hundredth(b, d))) })
}

// hundredth returns a filter for one in a hundred sockets.
func hundredth(b *testing.B, d *diag) string {
	b.Helper()

	var ports []uint16

	err := d.dump(nil, hotStates, 0, func(row []byte) { ports = append(ports, decodeRow(row).Local.Port) })
	if err != nil {
		b.Fatal(err)
	}

	slices.Sort(ports)

	return fmt.Sprintf("sport = %d-%d", ports[0], ports[len(ports)/100])
}

func benchmarkKernel(b *testing.B, d *diag, f *Filter) {
	plan, err := f.Compile(unlimited)
	if err != nil || plan.Rest != nil {
		b.Fatal(err, plan.Notes)
	}

	rows := 0

	for b.Loop() {
		if err := d.dump(plan.Program, hotStates, extInfo, func([]byte) { rows++ }); err != nil {
			b.Fatal(err)
		}
	}

	loops := float64(b.N)
	ms := b.Elapsed().Seconds() * 1e3 / loops

	const offers = 20

	began := time.Now()
	for range offers {
		if err := d.offer(plan.Program); err != nil {
			b.Fatal(err)
		}
	}

	audit := time.Since(began).Seconds() * 1e3 / offers

	b.ReportMetric(ms, "ms")
	b.ReportMetric(audit, "audit-ms")
	b.ReportMetric(float64(plan.Compares), "tests")
	b.ReportMetric(float64(len(plan.Program)), "B")
	b.ReportMetric(float64(rows)/loops, "rows")
}

func benchmarkUser(b *testing.B, d *diag, f *Filter) {
	found := 0

	for b.Loop() {
		err := d.dump(nil, hotStates, extInfo, func(row []byte) {
			s := decodeRow(row)
			if f.Eval(&s.Subject) {
				found++
			}
		})
		if err != nil || found > 0 {
			b.Fatal(found, err)
		}
	}

	b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms")
}
