package bytecode

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// programs makes programs, most of them almost valid.
type programs struct {
	*rand.Rand
	valid [][]byte
}

func newPrograms(r *rand.Rand) *programs {
	p := &programs{r, nil}
	g := generator{Rand: r}

	for len(p.valid) < 200 {
		f, err := Parse(g.filter(1+r.IntN(3)), testEnv)
		if err != nil {
			continue
		}

		plan, err := f.Compile(everything)
		if err == nil && plan.Program != nil && len(plan.Program) < 400 {
			p.valid = append(p.valid, plan.Program)
		}
	}

	return p
}

// next returns a program.
func (p *programs) next() []byte {
	switch p.IntN(8) {
	case 0:
		return p.noise()
	case 1, 2, 3:
		return p.chain()
	}

	program := slices.Clone(p.valid[p.IntN(len(p.valid))])
	for range p.IntN(4) {
		program = p.mutate(program)
	}

	return program
}

// noise returns random bytes.
func (p *programs) noise() []byte {
	b := make([]byte, p.IntN(40))
	for i := range b {
		b[i] = byte(p.IntN(256) & p.IntN(256))
	}

	return b
}

// chain returns operations whose operands and distances are often right.
func (p *programs) chain() []byte {
	var b []byte

	sizes := []int{4, 4, 8, 8, 8, 8, 4, 12, 16, 28, 8, 12, 8, 8, 12, 4}
	codes := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 9, 10, 11, 12, 13, byte(p.IntN(256))}

	for range 1 + p.IntN(6) {
		i := p.IntN(len(codes))
		op := make([]byte, max(4, sizes[i]-4*(p.IntN(16)/15)))
		op[0], op[1] = codes[i], byte(p.distance(sizes[i]))

		binary.NativeEndian.PutUint16(op[2:], uint16(p.distance(sizes[i])))

		if len(op) >= 8 {
			op[4] = []byte{0, 2, 10, 2, 10, byte(p.IntN(16))}[p.IntN(6)]
			op[5] = byte(p.IntN(140))
		}

		b = append(b, op...)
	}

	return b
}

func (p *programs) distance(size int) int {
	switch p.IntN(8) {
	case 0:
		return size + 4*p.IntN(12)
	case 1:
		return size + 8
	case 2:
		return p.IntN(64)
	}

	return size
}

// mutate changes a thing.
func (p *programs) mutate(b []byte) []byte {
	if len(b) == 0 {
		return p.noise()
	}

	at := p.IntN(len(b))

	switch p.IntN(8) {
	case 0:
		return b[:at]
	case 1:
		return slices.Insert(b, at&^3, p.chain()...)
	case 2:
		return slices.Delete(b, at&^3, min(at&^3+4, len(b)))
	case 3:
		return append(b, p.valid[p.IntN(len(p.valid))]...)
	case 4:
		b[at] = byte(p.IntN(256))
	case 5:
		b[at] += byte(4 * (p.IntN(5) - 2))
	case 6:
		b[at&^3] = byte(p.IntN(15))
	case 7:
		return append(b, p.noise()...)
	}

	return b
}
