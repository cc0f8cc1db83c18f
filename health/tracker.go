package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// Tracker tracks all connections from sample to sample and judges them. It implements
// [sampler.Consumer] and is not safe for concurrent use, unlike the snapshots that it
// publishes.
type Tracker struct {
	cfg     Config
	publish func(*Snapshot)

	slab     slab
	ended    []uint32 // oldest first
	geometry window.Geometry
	notes    notes
	suspects suspects

	policy *Policy
	// lastPolicy is the previous one, which applies to connections that were not in a
	// sample since.
	lastPolicy *Policy
	// revision counts the policies, so that connections choose their profile again.
	revision uint8
	networks *group.Networks

	// spaces are the network namespaces, the exporter's own first; at is the current one.
	spaces    []*space
	spaceByID map[sampler.Space]*space
	at        *space
	// ticking: a dump has begun since the last publication.
	ticking bool
	known   []sampler.Target // reused by Known
	// places is shared by the namespaces, see rest.
	places []uint32

	warming warming
	exports *export.Table
	// listenerPace limits how many listeners get series.
	listenerPace export.Pace
	exported     []Connection // by place
	zones        export.Zones
	groups       group.Table
	// arrivals are the connections that wait for a group.
	arrivals []uint32
	// regroupedAt is the time of the last change of the grouping.
	regroupedAt int64
	durations   durations
	// algorithms are the congestion control algorithms that have appeared.
	algorithms algorithms
	admission  admission
	// kept is the sum of the counts of this name over all namespaces.
	kept  int
	times times
	// searching: a search has remembered places since the last sample.
	searching bool

	// evidence is that of the connection being judged. A local variable would be
	// allocated for each, because the rules take a pointer.
	evidence judge.Evidence

	// kernel is the first tcp_info that was sampled.
	kernel sampler.TCPInfo

	// generation is the last one drawn, see space.
	generation uint32
	counts     counts
	// lastAt is the time of the last publication of samples, ownAt of the last one with a
	// complete sample of the exporter's own namespace.
	lastAt, ownAt time.Time
	events        flagEvents
	stats         TrackerStats
}

// tickCounts are the counts of one dump.
type tickCounts struct {
	states    [sampler.NumStates]int
	sockets   int
	untracked int
	kept      int // followed out of turn in a crowded table
}

// counts are those of the connections in the last sample.
type counts struct {
	statuses [judge.NumStatuses]int
	flags    [judge.NumFlags]int
	idle     int
}

// confirmations is how many complete dumps must miss a connection before it ends: a dump
// may miss a socket that moves in its hash chain.
const confirmations = 2

// NewTracker returns a tracker that passes each snapshot to publish.
func NewTracker(cfg Config, publish func(*Snapshot)) *Tracker {
	cfg = cfg.withDefaults()
	g := window.NewGeometry(cfg.Interval.Milliseconds(), cfg.Window.Milliseconds())

	t := &Tracker{
		cfg:       cfg,
		publish:   publish,
		slab:      slab{windows: window.NewPool(&g)},
		geometry:  g,
		policy:    cfg.Policy,
		networks:  cfg.Policy.networks(),
		suspects:  newSuspects(cfg.Recheck),
		admission: admission{capacity: cfg.MaxConnections},
		groups:    group.NewTable(cfg.Groups, cfg.Policy.grouping()),
		durations: newDurations(),
		spaceByID: make(map[sampler.Space]*space),
	}
	t.enter(0)
	t.zones.LookUp = cfg.InterfaceName
	t.exports = export.NewTable(cfg.Export, exporting{t}, t.zones.Name)
	t.listenerPace = export.NewPace(cfg.MaxListeners)

	return t
}

// Begin implements [sampler.Consumer].
func (t *Tracker) Begin(id sampler.Space) {
	t.enter(id)

	t.generation++
	if t.generation == neverSeen {
		t.generation++
	}

	t.at.generation, t.at.gone = t.generation, false
	t.kept -= t.at.tick.kept
	t.at.lastTick, t.at.tick, t.at.revisited, t.at.complete = t.at.tick, tickCounts{}, false, false
	t.at.clock.begin()
	t.at.rest.begin()
	clear(t.at.aborts)
	t.beginTick()
	t.forgetSuspects()
	t.moveCounts(t.groups.Begin())
}

// beginTick prepares the first dump of a tick.
func (t *Tracker) beginTick() {
	if !t.ticking {
		t.ticking = true
		t.exports.Begin()
		t.zones.Begin()
	}
}

// Sockets implements [sampler.Consumer].
func (t *Tracker) Sockets(at time.Time, rows []sampler.Socket) {
	m := judge.Moment{At: t.times.read(at), Usual: t.at.clock.usual}
	if t.at.clock.first == 0 {
		t.startDump(m.At)
	}

	m.Now, m.AfterGap = t.at.clock.judge(m.At)
	m.Sampled = t.at.clock.first

	t.warm(rows)

	for i := range rows {
		m.Socket = &rows[i]
		t.observe(&m)
	}

	t.at.rest.offered = len(t.at.rest.is)
}

// startDump records the time of the first row of a dump.
func (t *Tracker) startDump(at int64) {
	t.at.clock.judge(at)
	t.at.rest.note(t.at.generation, at)
}

// Abort implements [sampler.Consumer]. Connections that the failed dump did not contain
// are not missed, and its counts do not replace those of the last complete one. After that
// of the exporter's own namespace, the tick starts over.
func (t *Tracker) Abort() {
	t.ticking = t.ticking && t.at.id != 0
	t.kept += t.at.lastTick.kept - t.at.tick.kept
	t.at.tick = t.at.lastTick
}

// End implements [sampler.Consumer]: it assigns groups and ends connections.
func (t *Tracker) End(d sampler.Dump) {
	at := t.times.read(d.End)
	t.at.clock.judge(at)

	t.at.noteListeners(d.Partial)
	t.joinGroups(at)
	t.sweep(at)

	t.at.indexPeak = max(t.at.indexPeak, len(t.at.index))
	t.at.complete = true
}

// Publish implements [sampler.Consumer]: it assigns exports and publishes.
func (t *Tracker) Publish(at time.Time) {
	now := t.times.read(at)

	t.beginTick() // if there was no dump: candidates of the last tick may have ended
	t.expire(now)
	t.slab.tidy()
	t.groups.NoteEmpty()
	t.exports.Settle(now, t.spaces[0].first)
	t.compact()
	t.compactNotes()
	t.leaveSpaces()
	t.advanceAdmission()

	t.lastAt, t.ticking = at, false
	if t.spaces[0].complete {
		t.ownAt = at
	}

	t.publish(t.snapshot(now))

	for _, s := range t.spaces {
		s.first, s.complete = s.first && !s.complete, false
	}
}
