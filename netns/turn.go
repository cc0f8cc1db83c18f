package netns

import (
	"iter"
	"slices"

	"tcphealth_exporter/sampler"
)

// inTurn returns the namespaces, which are sorted by their numbers, beginning with the one
// after last.
func inTurn(all []*namespace, last sampler.Space) iter.Seq2[int, *namespace] {
	first, found := slices.BinarySearchFunc(all, last, func(n *namespace, s sampler.Space) int { return int(n.space) - int(s) })
	if found {
		first++
	}

	return func(yield func(int, *namespace) bool) {
		for i := range all {
			if !yield(i, all[(first+i)%len(all)]) {
				return
			}
		}
	}
}
