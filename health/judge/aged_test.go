package judge

import (
	"math/rand/v2"
	"testing"
)

func TestAgedLeast(t *testing.T) {
	const age = 600_000

	var a aged

	at := Stamp(1_000_000)
	observe := func(seconds int64, rtt uint32, want uint32) {
		t.Helper()

		at += Stamp(seconds * 1000)
		a.observe(rtt, at, age, minimum)

		if got := a.value(minimum); got != want {
			t.Errorf("after an RTT of %d it is %d, want %d", rtt, got, want)
		}
	}

	observe(0, 0, 0)
	observe(0, 50, 50)
	observe(1, 40, 40)
	observe(1, 60, 40)
	observe(299, 100, 40) // the second bucket
	observe(200, 90, 40)
	observe(100, 95, 90) // the third one: the first is forgotten
	observe(1, 0, 90)
	observe(700, 200, 200) // after a long quiet nothing of old counts
	observe(1, 210, 200)
}

func TestAgedHighest(t *testing.T) {
	var a aged

	at := Stamp(1_000_000)
	for _, step := range []struct {
		seconds int64
		v, want uint32
	}{{0, 50, 50}, {1, 40, 50}, {1, 60, 60}, {29, 10, 60}, {30, 20, 20}} {
		at += Stamp(step.seconds * 1000)
		a.observe(step.v, at, 60_000, maximum)

		if got := a.value(maximum); got != step.want {
			t.Errorf("after %d it is %d, want %d", step.v, got, step.want)
		}
	}
}

// TestAgedNaively compares with a look at everything that was observed: the
// value is no milder than the better of half the age, and not older than one
// and a half.
func TestAgedNaively(t *testing.T) {
	const age = 60_000

	type observation struct {
		at Stamp
		v  uint32
	}

	random := rand.New(rand.NewPCG(5, 6))

	for name, better := range map[string]better{"least": minimum, "maximum": maximum} {
		var (
			a   aged
			all []observation
		)

		for n, now := 0, Stamp(1_000_000); n < 20_000; n++ {
			now += Stamp(random.Int64N(1 + age/(1+random.Int64N(50))))
			v := random.Uint32N(1000)
			a.observe(v, now, age, better)

			if v == 0 {
				continue
			}

			all = append(all, observation{now, v})
			got := a.value(better)
			known := false

			for i := len(all) - 1; i >= 0 && now-all[i].at < 3*age/2; i-- {
				known = known || all[i].v == got

				if now-all[i].at < age/2 && better(all[i].v, got) {
					t.Fatalf("%s: %d, but %d was seen %d ms ago", name, got, all[i].v, now-all[i].at)
				}
			}

			if !known {
				t.Fatalf("%s: %d was not seen for one and a half ages", name, got)
			}
		}
	}
}
