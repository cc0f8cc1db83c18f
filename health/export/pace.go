package export

// pace limits the rate of new identities: each one makes series that a database keeps
// long after the connection has ended. As many as the budget may appear at once, and a
// fifth of that, but at least ten, per minute.
type pace struct {
	each   int64 // ms that one identity costs
	most   int64 // ms that can be saved up
	credit int64 // ms
	last   int64 // ms on the tracker's clock
}

const (
	refillTime = 5 * 60 * 1000 // in which all places may be given to others
	maxCost    = 60 * 1000 / 10
)

func newPace(places int) pace {
	each := int64(min(refillTime/max(places, 1), maxCost))
	most := each * int64(places)

	return pace{each: each, most: most, credit: most}
}

// advance sets the current time.
func (p *pace) advance(at int64) {
	p.credit = min(p.credit+max(0, at-p.last), p.most)
	p.last = at
}

// allows reports whether one more may appear.
func (p *pace) allows() bool { return p.credit >= p.each }

// spend accounts for one more.
func (p *pace) spend() { p.credit -= p.each }
