package netns

import (
	"slices"
	"testing"

	"tcphealth_exporter/sampler"
)

func TestInTurn(t *testing.T) {
	var all []*namespace
	for _, space := range []sampler.Space{2, 5, 7} {
		all = append(all, &namespace{space: space})
	}

	for last, want := range map[sampler.Space][]sampler.Space{
		0: {2, 5, 7},
		2: {5, 7, 2},
		3: {5, 7, 2}, // ended since
		7: {2, 5, 7},
		9: {2, 5, 7},
	} {
		var got []sampler.Space
		for _, n := range inTurn(all, last) {
			got = append(got, n.space)
		}

		if !slices.Equal(got, want) {
			t.Errorf("after %d: %v, want %v", last, got, want)
		}
	}

	for range inTurn(nil, 5) {
		t.Error("a namespace of none")
	}
}
