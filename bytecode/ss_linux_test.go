package bytecode

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/sstext"
)

// ssFilters are written so that both programs read them alike: parentheses with
// spaces around them, and no autobound, which ss takes for something else in user
// space. NEAR, FAR and LOCAL are addresses of the scene, CGROUP is a path.
var ssFilters = []string{
	"sport = 8001",
	"sport = :8001",
	"sport == 8001",
	"sport eq 8001",
	"sport 8001",
	"sport != 8001",
	"sport ne 8001",
	"sport neq 8001",
	"dport = http",
	"sport = http",
	"sport > 8001",
	"sport gt 8001",
	"sport >= 8002",
	"sport geq 8002",
	"sport ge 8002",
	"dport < 8002",
	"dport lt 8002",
	"dport <= 8001",
	"dport le 8001",
	"dport leq 8001",
	"dport = 0",
	"src 127.0.0.1",
	"src = 127.0.0.1",
	"not src 127.0.0.1",
	"! ( src 127.0.0.1 )",
	"dst 127.0.0.1:8004",
	"not dst 127.0.0.1:8004",
	"src *:8002",
	"src :8002",
	"src 127.0.0.0/8",
	"src 127.0.0.0/30",
	"src 127.0.0.0/30:8002",
	"dst 127.0.0.4/31",
	"dst 0.0.0.0/0",
	"src inet:*:8001",
	"dst inet6:[::1]:8001",
	"dst inet6:*",
	"src inet6:::/96",
	"src [::1]",
	"src [::1]:8001",
	"dst ::/127",
	"dst [::1]:8002",
	"src NEAR4",
	"dst 10.77.1.0/24",
	"dst FAR4",
	"dst FAR4:443",
	"dst [FAR6]",
	"dst [FAR6]:443",
	"src NEAR6/64",
	"dst fe80::/10",
	"dst [LOCAL]",
	"src [::ffff:127.0.0.1]",
	"src ::ffff:127.0.0.0/104",
	"not src ::ffff:0:0/96",
	"dst FAR4 and dport = 443",
	"dst FAR4 & dport = 443",
	"dst FAR4 && dport = 443",
	"dst FAR4 dport = 443",
	"dport = 443 or dport = 22",
	"dport = 443 | dport = 22",
	"dport = 443 || dport = 22",
	"( dport >= 8000 and dport <= 8100 ) or ( src 127.0.0.5 )",
	"( dport = 443 or dport = 22 ) and ( dst FAR4 or dst [FAR6] )",
	"( sport = 443 ) or ( ( dst 10.0.0.0/8 ) and ( not ( dport = 22 ) ) )",
	"not ( ( dport = 443 or dport = 22 ) and ( dst FAR4 or dst [FAR6] ) )",
	"( ( src 127.0.0.0/8 ) and ( not ( sport = 8001 ) ) ) or ( ( src [::1] ) and ( not ( dport = 8002 ) ) )",
	"dev lo",
	"dev = lo",
	"dev != lo",
	"dev 1",
	"( dev lo ) and ( sport = 8003 )",
	"( dev lo ) or ( sport = 8001 )",
	"fwmark = 0x10",
	"fwmark 16",
	"fwmark != 0x10",
	"fwmark = 0x10/0x10",
	"fwmark = 0x10/0xffff",
	"fwmark = 021/0xff",
	"( fwmark = 0x10/0xff ) and ( src [::1] )",
	"cgroup CGROUP",
	"cgroup = CGROUP",
	"cgroup != CGROUP",
	"( not ( cgroup CGROUP ) ) and ( dport = 8001 )",
}

// ssDifferences are the filters that ss reads otherwise, and what we have to be
// asked for the same sockets.
var ssDifferences = []struct{ ss, ours string }{
	{"dport = 22 or dport = 443 and dst FAR4", "(dport = 22 or dport = 443) and dst FAR4"},
	{"dst FAR4 or dst [FAR6] dport = 443", "(dst FAR4 or dst [FAR6]) dport = 443"},
	{"dst inet:127.0.0.0/8", "dst 127.0.0.0/8 and not dst ::/0"},
	{"dst inet:*", "not dst ::/0"},
	{"dst FAR6:443", "dst [FAR6]:443"},
	{"src 127/8", "src 127.0.0.0/8"},
}

// names fills the addresses of the scene into a filter.
func (s *scene) names() *strings.Replacer {
	return strings.NewReplacer("NEAR4", s.link.A.IPv4.String(), "FAR4", s.link.B.IPv4.String(), "NEAR6", s.link.A.IPv6.String(),
		"FAR6", s.link.B.IPv6.String(), "LOCAL", s.link.B.LinkLocal.WithZone("").String(), "CGROUP", s.cgroup)
}

func TestAgainstSS(t *testing.T) {
	netlab.RequireTool(t, "ss")

	s := newScene(t)
	f := s.diag.features(t)
	sockets := s.all(t)
	t.Logf("%d sockets, features %+v", len(sockets), f)

	for _, template := range ssFilters {
		if strings.Contains(template, "CGROUP") && s.cgroup == "" {
			continue
		}

		src := s.names().Replace(template)

		t.Run(template, func(t *testing.T) { s.compareWithSS(t, src, src, f, sockets) })
	}

	for _, d := range ssDifferences {
		theirs, ours := s.names().Replace(d.ss), s.names().Replace(d.ours)

		t.Run(d.ss, func(t *testing.T) { s.compareWithSS(t, theirs, ours, f, sockets) })
	}
}

// compareWithSS holds what ss selects against our program and our evaluation.
func (s *scene) compareWithSS(t *testing.T, theirs, ours string, f Features, sockets map[uint64]socket) {
	t.Helper()

	filter, err := Parse(ours, s.env())
	if err != nil {
		t.Fatal(err)
	}

	plan, err := filter.Compile(f)
	if err != nil || plan.Rest != nil {
		t.Fatal(err, plan.Notes)
	}

	rows, err := sstext.Parse(s.ns.Run(t, "ss", "-tnoeOHa", theirs))
	if err != nil {
		t.Fatal(err)
	}

	byKernel := s.diag.sockets(t, plan.Program, allStates)

	var want, kernel, user []uint64

	for _, row := range rows {
		want = append(want, row.SocketCookie)
	}

	for _, cookie := range slices.Sorted(maps.Keys(sockets)) {
		row := sockets[cookie]
		if _, ok := byKernel[cookie]; ok {
			kernel = append(kernel, cookie)
		}

		if filter.Eval(&row.Subject) {
			user = append(user, cookie)
		}
	}

	slices.Sort(want)

	if len(want) == 0 || len(want) == len(sockets) {
		t.Errorf("ss selects %d of %d", len(want), len(sockets))
	}

	if !slices.Equal(want, kernel) || len(kernel) != len(byKernel) {
		t.Errorf("ss %d, program %d:%s", len(want), len(kernel), difference(sockets, want, kernel))
	}

	if !slices.Equal(want, user) {
		t.Errorf("ss %d, Eval %d:%s", len(want), len(user), difference(sockets, want, user))
	}

	t.Logf("%d of %d sockets", len(want), len(sockets))
}

// difference lists the sockets that are in one of two lists.
func difference(sockets map[uint64]socket, ss, ours []uint64) string {
	var b strings.Builder

	for cookie, row := range sockets {
		inSS, inOurs := slices.Contains(ss, cookie), slices.Contains(ours, cookie)
		if inSS != inOurs {
			b.WriteString("\n" + row.String())

			if inSS {
				b.WriteString(" (ss only)")
			}
		}
	}

	return b.String()
}

// TestProgramsAgainstKernel holds what the kernel selects by random programs
// against Match, and by random filters against Eval.
func TestProgramsAgainstKernel(t *testing.T) {
	s := newScene(t)
	sockets := s.all(t)
	r := newRand(t)
	g := generator{Rand: r}

	values := &pools{}
	for _, row := range sockets {
		values.ports = append(values.ports, row.Local.Port, row.Remote.Port)
		values.addrs = append(values.addrs, row.Local.Addr, row.Remote.Addr)
	}

	g.known = values
	selected := 0

	for range 3000 {
		src := g.filter(3)
		f := mustParse(t, src)

		plan, err := f.Compile(everything)
		if err != nil || plan.Program == nil {
			continue
		}

		selected += s.compareWithKernel(t, src, f, &plan, sockets)
	}

	t.Logf("%d rows selected of %d sockets", selected, len(sockets))
}

func (s *scene) compareWithKernel(t *testing.T, src string, f *Filter, plan *Plan, sockets map[uint64]socket) int {
	t.Helper()

	byKernel := s.diag.sockets(t, plan.Program, allStates)

	for cookie, row := range sockets {
		_, kernel := byKernel[cookie]
		match := Match(plan.Program, &row.Subject)
		passes := kernel && (plan.Rest == nil || plan.Rest.Eval(&row.Subject))

		if kernel != match || passes != f.Eval(&row.Subject) {
			t.Fatalf("%q: kernel %t, Match %t, with the rest %t, Eval %t\n%s\n%s", src, kernel, match, passes, !passes, row, listing(plan.Program))
		}
	}

	return len(byKernel)
}
