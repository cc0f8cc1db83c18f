package health

import (
	"math"

	"tcphealth_exporter/sampler"
)

// algorithms numbers the congestion control algorithms in the order of their appearance,
// so that a connection stores one byte. Zero is an unknown algorithm.
type algorithms struct {
	names   []string
	numbers map[[16]byte]uint8
}

// number returns the number of a row's algorithm.
func (a *algorithms) number(row *sampler.Socket) uint8 {
	if row.Congestion == ([16]byte{}) {
		return 0
	}

	n, known := a.numbers[row.Congestion]
	if known || len(a.names) == math.MaxUint8 {
		return n
	}

	if a.numbers == nil {
		a.numbers = make(map[[16]byte]uint8)
	}

	a.names = append(a.names, row.CongestionName())
	n = uint8(len(a.names))
	a.numbers[row.Congestion] = n

	return n
}

func (a *algorithms) name(number uint8) string {
	if number == 0 {
		return ""
	}

	return a.names[number-1]
}
