package sampler

import (
	"fmt"
	"slices"
	"time"
)

// chooseAttempts is the maximum number of comparisons. One fails if a socket moves
// between the kernel's tables during a dump.
const chooseAttempts = 3

// choose decides between the legacy request and one request per family. A legacy dump
// walks the tables once for both families, but that is not guaranteed. So choose
// compares: every socket that exists both before and after a legacy dump must be in it.
func (c *Conn) choose() error {
	if err := c.limit(c.now()); err != nil {
		return err
	}

	for range chooseAttempts {
		before, v2Err := c.cookies(false)
		legacy, legacyErr := c.cookies(true)

		switch {
		case legacyErr != nil && v2Err != nil:
			return fmt.Errorf("probe socket diagnostics: %w", v2Err)
		case legacyErr != nil:
			return nil
		case v2Err != nil:
			c.legacy = true

			return nil
		}

		after, err := c.cookies(false)
		if err != nil {
			return fmt.Errorf("probe socket diagnostics: %w", err)
		}

		if containsStable(legacy, before, after) {
			c.legacy = true

			return nil
		}
	}

	return nil
}

// cookies returns the sorted cookies of all connections and listeners.
func (c *Conn) cookies(legacy bool) ([]uint64, error) {
	var (
		cookies []uint64
		d       Dump
	)

	all := request{states: ConnectionStates | ListenStates}
	err := c.run(all, legacy, &d, func(_ time.Time, sockets []Socket) {
		for i := range sockets {
			cookies = append(cookies, sockets[i].Cookie)
		}
	})

	slices.Sort(cookies)

	return cookies, err
}

// containsStable reports whether every cookie of both before and after is in
// probe. All three are sorted.
func containsStable(probe, before, after []uint64) bool {
	for _, cookie := range before {
		if _, stable := slices.BinarySearch(after, cookie); !stable {
			continue
		}

		if _, found := slices.BinarySearch(probe, cookie); !found {
			return false
		}
	}

	return true
}
