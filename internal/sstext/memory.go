package sstext

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errMemory = errors.New("not a list of letters with numbers")

// parseMemory reads the items of skmem, "(r0,rb131072,...)": letters, and a number straight after them. No text is no
// memory.
func parseMemory(text string) (map[string]uint64, error) {
	if text == "" {
		return nil, nil
	}
	elements := listElements(text)
	if elements == nil {
		return nil, fmt.Errorf("the memory %q: %w", text, errMemory)
	}
	memory := make(map[string]uint64, len(elements))
	for _, element := range elements {
		digits := strings.IndexAny(element, "0123456789")
		if digits <= 0 {
			return nil, fmt.Errorf("the memory %q: %w", element, errMemory)
		}
		n, err := strconv.ParseUint(element[digits:], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the memory %q: %w", element, err)
		}
		memory[element[:digits]] = n
	}
	return memory, nil
}
