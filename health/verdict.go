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

	// betterSince is when the assessment became better than the status, and
	// betterWorst the worst it has been since.
	betterSince stamp
	betterWorst Status
	// otherSince is since when the assessment has named otherCause.
	otherSince stamp
	otherCause Cause

	// entries are the last times at which the status became SUSPECT or worse,
	// oldest first, flapWorst is the worst status of that time.
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

	v.settleStatus(a, now, hold)
	v.noteEntry(before, a.Flags.Has(Flapping), now)

	if v.status != before || v.since == 0 {
		v.since = at
	}

	v.settleCause(a.Cause, v.status > before, now, hold)

	// While a status is held, its points are held with it.
	v.points = int8(max(a.Points, leastPointTable[v.status]))
	v.safeToSend = a.SafeToSend && v.status < Degraded

	return raised
}

// settleStatus lets the status follow the assessment. While it flaps, the worst
// one is held.
func (v *verdict) settleStatus(a Assessment, now stamp, hold int64) {
	s := statusOf(a.Points)
	if a.Flags.Has(Flapping) {
		s = max(s, v.flapWorst)
	}

	if s >= v.status {
		v.status, v.betterSince = s, 0

		return
	}

	if v.betterSince == 0 {
		v.betterSince, v.betterWorst = now, s
	}

	v.betterWorst = max(v.betterWorst, s)

	if int64(now-v.betterSince) >= hold {
		v.status, v.betterSince = v.betterWorst, 0
	}
}

// noteEntry remembers that the status became SUSPECT or worse.
func (v *verdict) noteEntry(before Status, flapping bool, now stamp) {
	if before >= Suspect || v.status < Suspect {
		v.flapWorst = max(v.flapWorst, v.status)

		return
	}

	copy(v.entries[:], v.entries[1:])
	v.entries[flapEntries-1] = now

	if !flapping {
		v.flapWorst = v.status
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
	if int64(now-v.otherSince) >= hold && (c != CauseNone || v.status == Healthy) {
		v.cause, v.otherSince = c, 0
	}
}
