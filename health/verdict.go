package health

// verdict is what stands on a connection after hysteresis: a status gets worse
// at once and better only after the better one has lasted; a cause changes
// only after another one has lasted, or when the status gets worse.
type verdict struct {
	status     Status
	cause      Cause
	flags      Flags
	points     int8
	safeToSend bool
	idle       bool
	// since is when the status began, in ms on the tracker's clock.
	since int64

	// noWorse is since when the assessment has been no worse than each status,
	// kept for those that are better than the present one.
	noWorse [Stale]stamp
	// otherSince is since when the assessment has named otherCause.
	otherSince stamp
	otherCause Cause

	// assessed is the status of the assessment. entries are the last times at which
	// it became SUSPECT or worse, oldest first, flapWorst is the worst of that time.
	assessed  Status
	entries   [flapEntries]stamp
	flapWorst Status
}

// flapEntries is how many entries into SUSPECT or worse are remembered.
const flapEntries = 4

// lateEntries counts the entries into SUSPECT or worse within the last span ms,
// zero if the last one was longer than recent ms ago.
func (v *verdict) lateEntries(now stamp, span, recent int64) (n int) {
	if last := v.entries[flapEntries-1]; last == 0 || int64(now-last) > recent {
		return 0
	}

	for _, at := range v.entries {
		if at != 0 && int64(now-at) <= span {
			n++
		}
	}

	return n
}

// settle takes in an assessment. hold is in ms, at is the time of the sample
// on the tracker's clock. It returns the flags that were raised anew.
func (v *verdict) settle(a Assessment, now stamp, hold, at int64) (raised Flags) {
	raised = a.Flags &^ v.flags
	v.flags = a.Flags
	before := v.status

	v.noteEntry(statusOf(a.Points), a.Flags.Has(Flapping), now)
	v.settleStatus(a.Flags.Has(Flapping), now, hold)

	if v.status != before || v.since == 0 {
		v.since = at
	}

	v.settleCause(a.Cause, v.status > before, now, hold)

	// While a status is held, its points are held with it.
	v.points = int8(max(a.Points, leastPointTable[v.status]))
	v.safeToSend = a.SafeToSend && v.status < Degraded

	return raised
}

// noteEntry takes in the status of an assessment, and remembers when it became
// SUSPECT or worse.
func (v *verdict) noteEntry(s Status, flapping bool, now stamp) {
	entered := s >= Suspect && v.assessed < Suspect
	v.assessed = s

	if entered {
		copy(v.entries[:], v.entries[1:])
		v.entries[flapEntries-1] = now
	}

	if entered && !flapping {
		v.flapWorst = s
	}

	v.flapWorst = max(v.flapWorst, s)
}

// settleStatus lets the status follow the assessment: for the worse at once, for
// the better as far as it has been so for as long as hold. While it flaps, the
// worst one is held.
func (v *verdict) settleStatus(flapping bool, now stamp, hold int64) {
	s := v.assessed
	if flapping {
		s = max(s, v.flapWorst)
	}

	if s >= v.status {
		v.status = s
	}

	for better := range v.status {
		switch {
		case s > better:
			v.noWorse[better] = 0
		case v.noWorse[better] == 0:
			v.noWorse[better] = now
		}
	}

	for better := s; better < v.status; better++ {
		if int64(now-v.noWorse[better]) >= hold {
			v.status = better
		}
	}
}

func (v *verdict) settleCause(c Cause, worse bool, now stamp, hold int64) {
	switch {
	case c == v.cause:
		v.otherSince = 0

		return
	case worse || v.cause == CauseNone:
		v.cause, v.otherSince = c, 0

		return
	case v.otherSince == 0 || v.otherCause != c:
		v.otherSince, v.otherCause = now, c
	}

	// A status that is held keeps its cause.
	if held := v.status > v.assessed; int64(now-v.otherSince) >= hold && !held {
		v.cause, v.otherSince = c, 0
	}
}
