package health

// pace bounds how many new identities are shown: each one makes series that a
// database keeps for long after the connection. As many as there are places may
// come at once, and a fifth of that in every minute, but not less than ten.
type pace struct {
	each   int64 // ms that one identity costs
	most   int64 // ms that can be saved up
	credit int64 // ms
	last   int64 // ms on the tracker's clock
}

const (
	refillTime = 5 * 60 * msPerSecond // in which all places may be given to others
	leastPace  = 60 * msPerSecond / 10
)

func newPace(places int) pace {
	each := int64(min(refillTime/max(places, 1), leastPace))
	most := each * int64(places)

	return pace{each: each, most: most, credit: most}
}

// advance lets time pass.
func (p *pace) advance(at int64) {
	p.credit = min(p.credit+max(0, at-p.last), p.most)
	p.last = at
}

// allows tells whether there is room for one more.
func (p *pace) allows() bool { return p.credit >= p.each }

// spend takes one more into account.
func (p *pace) spend() { p.credit -= p.each }

// wanting tells whether there is room for one more that is HEALTHY.
func (e *exports) wanting() bool { return len(e.candidates.entries) < e.room() }
