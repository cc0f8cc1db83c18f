package web

import "time"

// cutGrace is how long after its last progress an answer keeps its memory.
const cutGrace = 250 * time.Millisecond

// release takes back the memory of an answer that is not in use.
func (r *renderer) release(a *answer) {
	delete(r.sending, a)

	if !a.leaked {
		for _, c := range a.chunks {
			r.pool.Put(c)
		}
	}

	r.account(-len(a.chunks) * chunkSize)
	a.chunks = nil
	r.change()
}

func (r *renderer) account(bytes int) {
	r.used += bytes
	r.meter.Memory(r.used)
}

// change wakes those that wait for memory.
func (r *renderer) change() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// take returns memory for an answer that is being rendered.
func (r *renderer) take(a *answer) *chunk {
	for {
		changed, wait := r.try(a)
		if changed == nil {
			return r.pool.Get().(*chunk)
		}

		timer := time.NewTimer(wait)

		select {
		case <-changed:
		case <-timer.C:
		}

		timer.Stop()
	}
}

// try accounts for one more chunk of an answer that is being rendered. If there is no
// memory, it cuts an answer, and returns what to wait for before the next try.
func (r *renderer) try(a *answer) (changed <-chan struct{}, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()

	if r.used+chunkSize <= r.limit || len(r.sending) == 0 && r.order[0] == a {
		r.account(chunkSize)

		return nil, 0
	}

	return r.changed, r.cut(time.Now())
}

// cut closes the connections of the answer that has made no progress for the longest
// time. If it is too early for that, it returns how long to wait.
func (r *renderer) cut(now time.Time) (wait time.Duration) {
	var oldest *answer

	for a := range r.sending {
		if !a.cut && (oldest == nil || a.progressed.Before(oldest.progressed)) {
			oldest = a
		}
	}

	if oldest == nil {
		return cutGrace
	}

	if wait = oldest.progressed.Add(cutGrace).Sub(now); wait > 0 {
		return wait
	}

	oldest.drop()

	return cutGrace
}
