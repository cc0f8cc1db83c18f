package judge

// Verdict is the judgment of a connection: a status gets worse at once and better
// only after the better one has lasted; a cause changes only after another one has
// lasted, or when the status gets worse.
type Verdict struct {
	Status Status
	Cause  Cause
	Flags  Flags
	// Points are 0 to 10 and more, see [Score].
	Points     int8
	SafeToSend bool
	Idle       bool
	// Since is when the status began, in ms on the tracker's clock.
	Since int64
}

// spotless reports whether there is nothing to report.
func (v *Verdict) spotless() bool {
	return v.Status == Healthy && v.Flags == 0 && v.Cause == CauseNone && v.Idle && v.SafeToSend
}

// verdict is a [Verdict] with what hysteresis needs.
type verdict struct {
	Verdict

	// noWorse is since when the assessment has been no worse than each status,
	// kept for those that are better than the current one.
	noWorse [Stale]Stamp
	// otherSince is since when the assessment has named otherCause.
	otherSince Stamp
	otherCause Cause

	// assessed is the status of the assessment. entries are the last times at which
	// it became SUSPECT or worse, oldest first, flapWorst is the worst of that time.
	assessed  Status
	flapWorst Status
	entries   [flapEntries]Stamp
}

// flapEntries is how many entries into SUSPECT or worse are remembered.
const flapEntries = 4

// recentEntries counts the entries into SUSPECT or worse within the last span ms,
// zero if the last one was longer than recent ms ago.
func (v *verdict) recentEntries(now Stamp, span, recent int64) (n int) {
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

// settle applies an assessment. hold is in ms, at is the time of the sample on the
// tracker's clock. It returns the flags that became active.
func (v *verdict) settle(a assessment, now Stamp, hold, at int64) (active Flags) {
	active = a.flags &^ v.Flags
	v.Flags = a.flags
	before := v.Status

	v.noteEntry(StatusOf(a.points), a.flags.Has(Flapping), now)
	v.settleStatus(a.flags.Has(Flapping), now, hold)

	if v.Status != before || v.Since == 0 {
		v.Since = at
	}

	v.settleCause(a.cause, v.Status > before, now, hold)

	// While a status is held, its points are held with it.
	v.Points = int8(max(a.points, minPointTable[v.Status]))
	v.SafeToSend = a.safeToSend && v.Status < Degraded

	return active
}

// noteEntry records the status of an assessment, and when it became SUSPECT or
// worse.
func (v *verdict) noteEntry(s Status, flapping bool, now Stamp) {
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

// settleStatus lets the status follow the assessment: at once if it is worse, after
// hold if it is better. While the status flaps, the worst one is held.
func (v *verdict) settleStatus(flapping bool, now Stamp, hold int64) {
	s := v.assessed
	if flapping {
		s = max(s, v.flapWorst)
	}

	if s >= v.Status {
		v.Status = s
	}

	for better := range v.Status {
		switch {
		case s > better:
			v.noWorse[better] = 0
		case v.noWorse[better] == 0:
			v.noWorse[better] = now
		}
	}

	for better := s; better < v.Status; better++ {
		if int64(now-v.noWorse[better]) >= hold {
			v.Status = better
		}
	}
}

func (v *verdict) settleCause(c Cause, worse bool, now Stamp, hold int64) {
	switch {
	case c == v.Cause:
		v.otherSince = 0

		return
	case worse || v.Cause == CauseNone:
		v.Cause, v.otherSince = c, 0

		return
	case v.otherSince == 0 || v.otherCause != c:
		v.otherSince, v.otherCause = now, c
	}

	// A status that is held keeps its cause.
	if held := v.Status > v.assessed; int64(now-v.otherSince) >= hold && !held {
		v.Cause, v.otherSince = c, 0
	}
}
