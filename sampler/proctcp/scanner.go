package proctcp

import (
	"bytes"
	"math"
	"strconv"
)

// scanner reads the words of a row one by one.
type scanner struct {
	rest []byte
	// bad: a word was missing, was no number, or was too large.
	bad bool
}

// word returns the next word, empty at the end of the row.
func (c *scanner) word() []byte {
	from := 0
	for from < len(c.rest) && c.rest[from] == ' ' {
		from++
	}

	to := from
	for to < len(c.rest) && c.rest[to] != ' ' {
		to++
	}

	word := c.rest[from:to]
	c.rest = c.rest[to:]

	return word
}

// skip skips n words.
func (c *scanner) skip(n int) {
	for range n {
		c.bad = len(c.word()) == 0 || c.bad
	}
}

// decimal reads a decimal number.
func (c *scanner) decimal(limit uint64) uint64 {
	word := c.word()
	v := uint64(0)

	for _, digit := range word {
		if digit < '0' || digit > '9' || v > (math.MaxUint64-9)/10 {
			c.bad = true

			return 0
		}

		v = v*10 + uint64(digit-'0')
	}

	return c.upTo(v, limit, word)
}

// hex reads a hexadecimal number.
func (c *scanner) hex(word []byte, limit uint64) uint64 {
	v := uint64(0)

	for _, digit := range word {
		d := hexTable[digit]
		if d < 0 || v > math.MaxUint64>>4 {
			c.bad = true

			return 0
		}

		v = v<<4 | uint64(d)
	}

	return c.upTo(v, limit, word)
}

// hexPair reads two hexadecimal numbers separated by a colon.
func (c *scanner) hexPair(limitA, limitB uint64) (a, b uint64) {
	word := c.word()
	colon := max(bytes.IndexByte(word, ':'), 0)

	return c.hex(word[:colon], limitA), c.hex(word[min(colon+1, len(word)):], limitB)
}

// upTo checks a number that was read from a word.
func (c *scanner) upTo(v, limit uint64, word []byte) uint64 {
	if len(word) == 0 || v > limit {
		c.bad = true

		return 0
	}

	return v
}

// hexTable has the value of each hexadecimal digit, -1 for other bytes.
var hexTable = func() (values [256]int8) {
	for i := range values {
		values[i] = -1
		if v, err := strconv.ParseUint(string([]byte{byte(i)}), 16, 8); err == nil {
			values[i] = int8(v)
		}
	}

	return values
}()
