package health

import "testing"

func TestAgedLeast(t *testing.T) {
	const age = 600_000

	var a aged

	at := stamp(1_000_000)
	observe := func(seconds int64, rtt uint32, want uint32) {
		t.Helper()

		at += stamp(seconds * 1000)
		a.observe(rtt, at, age, least)

		if got := a.value(least); got != want {
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

	at := stamp(1_000_000)
	for _, step := range []struct {
		seconds int64
		v, want uint32
	}{{0, 50, 50}, {1, 40, 50}, {1, 60, 60}, {29, 10, 60}, {30, 20, 20}} {
		at += stamp(step.seconds * 1000)
		a.observe(step.v, at, 60_000, highest)

		if got := a.value(highest); got != step.want {
			t.Errorf("after %d it is %d, want %d", step.v, got, step.want)
		}
	}
}
