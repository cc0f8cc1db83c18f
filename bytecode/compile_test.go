package bytecode

import (
	"errors"
	"strings"
	"testing"
)

// compileCases are filters, kernels, the program in words, the rest and the error.
var compileCases = []struct {
	src      string
	features Features
	program  string
	rest     string
	refused  string // the term of a KernelOnlyError
}{
	{"", everything, "", "", ""},
	{"sport = *", everything, "", "", ""},
	{"sport != *", everything, "0: jump else reject", "", ""},
	{"sport = 80", everything, "0: sport = 80 else reject", "", ""},
	{"sport = 80", Features{}, "0: src any port 80 else reject", "", ""},
	{"sport != 80", everything, "0: sport = 80 else accept; 8: jump else reject", "", ""},
	{"sport = 80-90", everything, "0: sport >= 80 else reject; 8: sport <= 90 else reject", "", ""},
	{"dport >= 1024", everything, "0: dport >= 1024 else reject", "", ""},
	{
		"sport = 80,443", everything,
		"0: sport = 80 else 12; 8: jump else accept; 12: sport = 443 else reject", "", "",
	},
	{
		"sport = 80 or sport = 81 or dev = 3", everything,
		"0: sport >= 80 else 20; 8: sport <= 81 else 20; 16: jump else accept; 20: dev 3 else reject", "", "",
	},
	{"src 10.0.0.0/8", everything, "0: src 10.0.0.0/8 else reject", "", ""},
	{"src ::1", everything, "0: src ::1/128 else reject", "", ""},
	{"dst 10.0.0.1:80", everything, "0: dst 10.0.0.1/32 port 80 else reject", "", ""},
	{"dst 10.0.0.1:80-81", everything, "0: dport >= 80 else reject; 8: dport <= 81 else reject; 16: dst 10.0.0.1/32 else reject", "", ""},
	{
		"dst 10.0.0.1,::1", everything,
		"0: dst 10.0.0.1/32 else 20; 16: jump else accept; 20: dst ::1/128 else reject", "", "",
	},
	{"not (dev 1 and dev 2)", everything, "0: dev 1 else accept; 8: dev 2 else accept; 16: jump else reject", "", ""},
	{"fwmark 1/3 autobound", everything, "0: mark 0x1/0x3 else reject; 12: autobound else reject", "", ""},
	{"cgroup 7", everything, "0: cgroup 7 else reject", "", ""},

	// What the kernel lacks.
	{"dev 1", Features{}, "", "dev = 1", ""},
	{"not cgroup 1", Features{}, "", "", "cgroup = 1"},
	{"not cgroup 1", Features{Cgroup: true, MaxCompares: -1}, "", "cgroup != 1", ""},
	{"dev 1 and sport >= 2", Features{}, "0: sport >= 2 else reject", "dev = 1", ""},
	{"dev 1 or sport >= 2", Features{}, "", "sport >= 2 or dev = 1", ""},
	{"(dev 1 and sport <= 2) or sport >= 4", Features{}, "0: src any port 3 else accept; 12: jump else reject", "sport >= 4 or sport <= 2 and dev = 1", ""},
	{"dev 1 and autobound", Features{}, "0: autobound else reject", "dev = 1", ""},
	{"dev 1 or autobound", Features{}, "", "", "autobound"},
	{"fwmark 1", Features{}, "", "", "fwmark = 0x1"},
	{"not fwmark 1 or sport 3", Features{PortEqual: true, Device: true, Cgroup: true}, "", "", "fwmark = 0x1"},

	// What is too much for it.
	{"sport >= 2 and (dev 1 or dev 2 or dev 3)", Features{Device: true, MaxCompares: 2}, "0: sport >= 2 else reject", "dev = 1 or dev = 2 or dev = 3", ""},
	{"dport >= 2 and (dev 1 or dev 2) and sport >= 2", Features{Device: true, MaxCompares: 3}, "0: sport >= 2 else reject; 8: dport >= 2 else reject", "dev = 1 or dev = 2", ""},
	{"dport >= 2 and (dev 1 or autobound)", Features{Device: true, MaxCompares: 2}, "0: dev 1 else 12; 8: jump else accept; 12: autobound else reject", "dport >= 2", ""},
	{"dev 1 or dev 2 or autobound", Features{Device: true, MaxCompares: 2}, "", "", "autobound"},
	{"dev 1 or fwmark 3", Features{Device: true, Mark: true, MaxCompares: 1}, "", "", "fwmark = 0x3"},
	{"dev 1", Features{Device: true, MaxCompares: -1}, "", "dev = 1", ""},
}

func TestCompile(t *testing.T) {
	for _, tt := range compileCases {
		plan, err := mustParse(t, tt.src).Compile(tt.features)

		var only *KernelOnlyError
		if errors.As(err, &only) || tt.refused != "" {
			if only == nil || only.Term != tt.refused || !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("%q: error %v, want one about %q", tt.src, err, tt.refused)
			}

			continue
		}

		if got := strings.ReplaceAll(strings.TrimSpace(listing(plan.Program)), "\n", "; "); got != tt.program {
			t.Errorf("%q: program\n%s, want\n%s", tt.src, got, tt.program)
		}

		rest := ""
		if plan.Rest != nil {
			rest = plan.Rest.String()
		}

		if rest != tt.rest {
			t.Errorf("%q: rest %q, want %q", tt.src, rest, tt.rest)
		}

		t.Logf("%q: %v", tt.src, plan.Notes)
	}
}

func TestCheckUserSpace(t *testing.T) {
	requireKernelOnly(t, (*Filter).CheckUserSpace, map[string]string{
		"":                                    "",
		"sport = 80 and dev 3 or cgroup 4":    "",
		"sport = 80 or (dev 3 and autobound)": "autobound",
		"not fwmark 0x10/0xff":                "fwmark = 0x10/0xff",
	})
}

func TestCheckProc(t *testing.T) {
	requireKernelOnly(t, (*Filter).CheckProc, map[string]string{
		"":                                  "",
		"sport = 80 or not dst 10.0.0.0/8":  "",
		"sport = 80 and (dport 3 or dev 3)": "dev = 3",
		"not cgroup 4":                      "cgroup = 4",
		"sport = 80 or autobound":           "autobound",
		"not fwmark 0x10/0xff":              "fwmark = 0x10/0xff",
	})
}

// requireKernelOnly fails the test unless check names the term of each filter that only the
// kernel can test, or accepts the filter if the term is empty.
func requireKernelOnly(t *testing.T, check func(*Filter) error, terms map[string]string) {
	t.Helper()

	for src, term := range terms {
		var only *KernelOnlyError

		err := check(mustParse(t, src))
		if errors.As(err, &only); (only == nil) != (term == "") || only != nil && only.Term != term {
			t.Errorf("%q: %v, want %q", src, err, term)
		}
	}
}

func TestProbe(t *testing.T) {
	old := func(program []byte) (bool, error) { // Linux 4.8
		if err := Audit(program, true); err != nil {
			t.Errorf("% x: %v", program, err)
		}

		return opcode(program[0]) <= opDev, nil
	}

	if got, err := Probe(old); err != nil || got != (Features{Device: true}) {
		t.Errorf("Linux 4.8: %+v, %v", got, err)
	}

	broken := errors.New("no netlink")
	if _, err := Probe(func([]byte) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

// TestLongPrograms: what the kernel would audit for too long is left to user space,
// or refused.
func TestLongPrograms(t *testing.T) {
	hosts := "dst = " + numbers(4000, func(i int) string { return "10." + itoa(i/256) + "." + itoa(i%256) + ".1" })

	plan, err := mustParse(t, hosts+" and sport = 80").Compile(unlimited)
	if err != nil || plan.Rest == nil || len(plan.Program) != sizeofPortOp {
		t.Errorf("%v, program of %d bytes, rest %t", err, len(plan.Program), plan.Rest != nil)
	}

	var only *KernelOnlyError
	if _, err = mustParse(t, hosts+" or autobound").Compile(unlimited); !errors.As(err, &only) {
		t.Errorf("with autobound: %v", err)
	}
}
