package export

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

func TestCandidatesKeepTheWorst(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))

	for range 200 {
		h := candidates{Worst: NewWorst(1 + random.IntN(8))}

		var all []Candidate

		for i := range random.IntN(40) {
			c := Candidate{
				Index: uint32(i), Status: judge.Status(random.IntN(judge.NumStatuses)), Points: int8(random.IntN(9)), FirstSeen: random.Int64N(5),
			}
			all = append(all, c)
			h.offer(c, &sampler.Socket{Cookie: uint64(i)})
		}

		slices.SortFunc(all, func(a, b Candidate) int { return -a.compare(&b) })
		h.Sort()

		if len(h.entries) != min(len(all), h.limit) {
			t.Fatalf("%d of %d kept", len(h.entries), len(all))
		}

		for i := range h.entries {
			if h.entries[i].Index != all[i].Index || h.sockets[h.entries[i].slot].Cookie != uint64(all[i].Index) {
				t.Fatalf("entry %d is %+v with the row of %d, want %+v", i, h.entries[i], h.sockets[h.entries[i].slot].Cookie, all[i])
			}
		}
	}
}
