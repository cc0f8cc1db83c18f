package bytecode

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// checkFilter holds a filter to everything that is true of all filters.
func checkFilter(t testing.TB, src string, f *Filter, r *rand.Rand) {
	t.Helper()

	canonical := f.String()
	if len(canonical) <= MaxSource {
		again, err := Parse(canonical, Env{})
		if err != nil {
			t.Fatalf("%q: its canonical form %q: %v", src, canonical, err)
		}

		if again.String() != canonical {
			t.Fatalf("%q: canonical form %q, and of that %q", src, canonical, again)
		}
	}

	simple := f.Simplify()
	if twice := simple.Simplify().String(); twice != simple.String() {
		t.Fatalf("%q: simplified to %q, and that to %q", src, simple, twice)
	}

	subjects := poolsFor(f)

	for _, k := range []Features{everything, {Mark: true, Cgroup: true}, {Mark: true, Cgroup: true, MaxCompares: 3}, {}, {Cgroup: true, MaxCompares: -1}} {
		plan, err := f.Compile(k)
		if err != nil {
			checkRefusal(t, src, simple, err)

			continue
		}

		checkPlan(t, src, &plan, k)

		for range 30 {
			checkSubject(t, src, f, simple, &plan, subjects.subject(r))
		}
	}
}

// checkRefusal: only a term that the kernel alone can test is a reason.
func checkRefusal(t testing.TB, src string, simple *Filter, err error) {
	t.Helper()

	only, ok := errors.AsType[*KernelOnlyError](err)
	if !ok || !strings.Contains(simple.String(), strings.Split(only.Term, " ")[0]) {
		t.Fatalf("%q, simplified to %q: %v", src, simple, err)
	}
}

// checkPlan: the kernel would take the program, and user space can do the rest.
func checkPlan(t testing.TB, src string, plan *Plan, k Features) {
	t.Helper()

	if plan.Program != nil {
		if err := Audit(plan.Program, true); err != nil {
			t.Fatalf("%q: % x: %v", src, plan.Program, err)
		}

		if !k.Mark && Audit(plan.Program, false) != nil {
			t.Fatalf("%q: the program has a mark", src)
		}
	}

	if plan.Compares > max(k.maxCompares(), 0) {
		t.Fatalf("%q: %d tests, more than %d", src, plan.Compares, k.maxCompares())
	}

	if plan.Rest != nil && plan.Rest.CheckUserSpace() != nil {
		t.Fatalf("%q: user space is left with %q", src, plan.Rest)
	}
}

// checkSubject: all ways to ask about a socket have the same answer.
func checkSubject(t testing.TB, src string, f, simple *Filter, plan *Plan, s *Subject) {
	t.Helper()

	want := f.Eval(s)
	kernel := Match(plan.Program, s)
	rest := plan.Rest == nil || plan.Rest.Eval(s)

	if got := simple.Eval(s); got != want {
		t.Fatalf("%q: %t, simplified to %q: %t\n%+v", src, want, simple, got, s)
	}

	if kernel && rest != want || !kernel && want {
		t.Fatalf("%q: %t, but program %t and rest %t\n%+v\n%s\n%v", src, want, kernel, rest, s, listing(plan.Program), plan.Rest)
	}
}

func TestRandomFilters(t *testing.T) {
	r := newRand(t)
	g := generator{Rand: r}

	for range 5000 {
		src := g.filter(4)
		checkFilter(t, src, mustParse(t, src), r)
	}
}

// TestSearch holds large sets, which are searched, against the same sets tested
// one by one.
func TestSearch(t *testing.T) {
	r := newRand(t)

	for range 200 {
		var items []string
		for range 1 + r.IntN(400) {
			items = append(items, generator{Rand: r}.host())
		}

		src := "dst = " + strings.Join(items, ",")
		f := mustParse(t, src)
		checkFilter(t, src, f, r)

		subjects := poolsFor(f)

		for range 50 {
			s := subjects.subject(r)
			one := slices.ContainsFunc(items, func(item string) bool { return mustParse(t, "dst = "+item).Eval(s) })

			if f.Eval(s) != one {
				t.Fatalf("%q: %t, one by one %t\n%+v", src, !one, one, s)
			}
		}
	}
}

// TestSearchIsShort: the tests grow with the logarithm of the set.
func TestSearchIsShort(t *testing.T) {
	r := newRand(t)

	for _, n := range []int{10, 100, 1000} {
		var ports, addrs []string
		for range n {
			ports = append(ports, itoa(r.IntN(maxPort+1)))
			addrs = append(addrs, "10."+itoa(r.IntN(256))+"."+itoa(r.IntN(256))+"."+itoa(r.IntN(256)))
		}

		for _, src := range []string{"sport = " + strings.Join(ports, ","), "dst = " + strings.Join(addrs, ",")} {
			plan, err := mustParse(t, src).Compile(everything)
			if err != nil || plan.Rest != nil {
				t.Fatal(err, plan.Notes)
			}

			t.Logf("%s of %d: %d tests, %d bytes", src[:4], n, plan.Compares, len(plan.Program))

			if limit := 3 + 3*len(itoa(n))*2; plan.Compares > limit {
				t.Errorf("%s of %d: %d tests, more than %d", src[:4], n, plan.Compares, limit)
			}
		}
	}
}
