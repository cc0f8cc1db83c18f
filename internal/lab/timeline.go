package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/internal/diagtest"
)

// Timeline renders each change of what was said, with times since a moment.
func Timeline(sights []Sight, since time.Time) string {
	var b strings.Builder
	var last health.Connection
	for i, s := range sights {
		c := &s.Conn
		if i > 0 && c.Status == last.Status && c.Cause == last.Cause && c.Flags == last.Flags {
			continue
		}
		last = *c
		fmt.Fprintf(&b, "%8.3f s: %v because of %v, %v: %s\n", s.At.Sub(since).Seconds(), c.Status, c.Cause, slices.Collect(c.Flags.All()), diagtest.Describe(&c.Row))
	}
	return b.String()
}
