package bytecode

import (
	"errors"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

// FuzzAudit looks for programs about which the kernel and Audit disagree. It asks
// for the listeners of the namespace it runs in, so it changes nothing.
func FuzzAudit(f *testing.F) {
	netlab.RequireByteOrder(f)

	for _, tt := range auditCases {
		f.Add(repair(tt.program))
	}

	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > maxAttr {
			return
		}

		d := dialDiag(t, nil)
		k := d.features(t)

		if !k.PortEqual || !k.Device || !k.Cgroup {
			t.Skip("this kernel does not have all operations")
		}

		want := kernelVerdict(d.offer(program))
		if got := Audit(program, k.Mark); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("kernel: %v, Audit: %v\n% x", want, got, program)
		}
	})
}
