package bytecode

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// FuzzParse looks for texts that Parse chokes on, and for filters of which
// something is not true that is true of all filters; see checkFilter.
func FuzzParse(f *testing.F) {
	for _, tt := range parseCases {
		f.Add(tt.src, uint64(1))
	}

	for _, src := range badInputs {
		f.Add(src, uint64(1))
	}

	for _, src := range ssSeeds {
		f.Add(src, uint64(1))
	}

	f.Fuzz(func(t *testing.T, src string, seed uint64) {
		filter, err := Parse(src, testEnv)
		if err != nil {
			checkSyntaxError(t, src, err)

			return
		}

		checkFilter(t, src, filter, rand.New(rand.NewPCG(seed, 0)))
	})
}

// ssSeeds has some of what there is to say in several ways.
var ssSeeds = []string{
	"( dport >= 8000 and dport <= 8100 ) or ( src 127.0.0.5 )",
	"not(sport=1|sport=2)&!dev 3",
	"dst [fe80::/10]:http, 443 # comment\nand src inet6:[::1]/64:*",
	"dst 10.0.0.0/8,192.168.0.0/16,fd00::/8 and cgroup /system.slice",
	`fwmark != 021/0xff cgroup = /a\\x2db\ \(c\)`,
}

// checkSyntaxError: every error is one of syntax, and points into the text.
func checkSyntaxError(t *testing.T, src string, err error) {
	t.Helper()

	e, ok := errors.AsType[*SyntaxError](err)
	if !ok || e.Line < 1 || e.Column < 1 || e.Column > len(src)+1 || e.Expected == "" || e.Found == "" || e.Show() == "" {
		t.Fatalf("%q: %#v", src, err)
	}
}

// FuzzMatch looks for filters, written by the generator, of which program,
// evaluation and simplification differ.
func FuzzMatch(f *testing.F) {
	f.Add(uint64(1), uint8(3))

	f.Fuzz(func(t *testing.T, seed uint64, depth uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		src := generator{Rand: r}.filter(int(depth % 6))

		if len(src) <= MaxSource {
			checkFilter(t, src, mustParse(t, src), r)
		}
	})
}

// FuzzProgram looks for programs that the interpreter chokes on, or that Audit
// takes and Match loops in or leads astray in.
func FuzzProgram(f *testing.F) {
	for _, tt := range auditCases {
		f.Add(repair(tt.program), uint64(1))
	}

	f.Fuzz(func(t *testing.T, program []byte, seed uint64) {
		admin, none := Audit(program, true), Audit(program, false)
		if admin != nil && none == nil {
			t.Fatalf("with CAP_NET_ADMIN: %v\n% x", admin, program)
		}

		r := rand.New(rand.NewPCG(seed, 0))
		s := poolsFor(&Filter{}).subject(r)
		Match(program, s)

		if admin == nil {
			_ = listing(program)
		}
	})
}
