package export

// Pace limits the rate of new identities: each one makes series that a database keeps
// long after the connection has ended. As many as the budget may appear at once, and a
// fifth of that, but at least ten, per minute.
type Pace struct {
	each   int64 // ms that one identity costs
	most   int64 // ms that can be saved up
	credit int64 // ms
	last   int64 // ms on the tracker's clock
}

const (
	refillTime = 5 * 60 * 1000 // in which all places may be given to others
	maxCost    = 60 * 1000 / 10
)

// NewPace returns the pace for a number of places, as many of which may be taken at once.
func NewPace(places int) Pace {
	each := int64(min(refillTime/max(places, 1), maxCost))
	most := each * int64(places)

	return Pace{each: each, most: most, credit: most}
}

// Advance sets the current time in ms, which must not fall.
func (p *Pace) Advance(at int64) {
	p.credit = min(p.credit+max(0, at-p.last), p.most)
	p.last = at
}

// Allows reports whether one more may appear.
func (p *Pace) Allows() bool { return p.credit >= p.each }

// Spend accounts for one more.
func (p *Pace) Spend() { p.credit -= p.each }
