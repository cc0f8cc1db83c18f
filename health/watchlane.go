package health

import (
	"time"

	"tcphealth_exporter/sampler"
)

// Watched implements [sampler.Consumer].
func (t *Tracker) Watched() []sampler.Target { return nil }

// Reread implements [sampler.Consumer].
func (t *Tracker) Reread(time.Time, []sampler.Socket) {}

// Settle implements [sampler.Consumer].
func (t *Tracker) Settle(time.Time) {}
