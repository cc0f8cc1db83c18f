package export

import (
	"fmt"
	"slices"
)

// Check returns an error if the table contradicts itself. It is for tests.
func (e *Table) Check() error {
	taken := 0

	for i := range e.places {
		p := &e.places[i]
		if p.taken == slices.Contains(e.free, int32(i)) {
			return fmt.Errorf("place %d is both taken and free, or neither", i)
		}

		if !p.taken {
			continue
		}

		taken++

		if at, known := e.byTuple[p.tuple]; !known || at != int32(i) {
			return fmt.Errorf("place %d of %v is known as %d, %v", i, p.tuple, at, known)
		}
	}

	if taken != e.Len() || len(e.byTuple) != taken || len(e.places) > e.cfg.Max {
		return fmt.Errorf("%d places taken of %d, %d free, %d tuples, budget %d", taken, len(e.places), len(e.free), len(e.byTuple), e.cfg.Max)
	}

	return nil
}
