package health

import (
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// MaxProfiles is the maximum number of profiles of a policy.
const MaxProfiles = 256

// Rule binds matching connections to a profile.
type Rule struct {
	// Matches reports whether the rule applies, by the addresses, ports, address family,
	// interface, cgroup and mark of a socket.
	Matches func(*sampler.Socket) bool
	// Profile is an index into the profiles of the policy.
	Profile int
}

// Policy determines the thresholds of each connection: those of the first rule that
// matches it, else those of the first profile. It also determines the groups.
type Policy struct {
	Profiles []judge.Profile
	Rules    []Rule
	// Grouping is nil for [group.DefaultGrouping].
	Grouping *group.Grouping
	// Networks are the named networks of remote addresses, nil for the built-in ones.
	Networks *group.Networks
}

// DefaultPolicy returns the policy without configuration: the profile "auto" for all
// connections.
func DefaultPolicy() *Policy {
	return &Policy{Profiles: judge.BuiltinProfiles()[:1], Networks: group.NewNetworks(nil)}
}

// choose returns the index of the profile for a connection.
func (p *Policy) choose(row *sampler.Socket) uint8 {
	for i := range p.Rules {
		if p.Rules[i].Matches(row) {
			return uint8(p.Rules[i].Profile)
		}
	}

	return 0
}

// thresholds returns those of the last judgment of a connection. A connection that was
// in no sample for long may have an even older policy.
func (t *Tracker) thresholds(c *connection) *judge.Thresholds {
	p := t.policy
	if c.revision != t.revision {
		p = t.lastPolicy
	}

	return p.Profiles[min(int(c.profile), len(p.Profiles)-1)].Thresholds
}

// grouping returns the grouping of the policy.
func (p *Policy) grouping() *group.Grouping {
	if p.Grouping == nil {
		return group.DefaultGrouping()
	}

	return p.Grouping
}

// networks returns the networks of the policy.
func (p *Policy) networks() *group.Networks {
	if p.Networks == nil {
		return group.NewNetworks(nil)
	}

	return p.Networks
}

// SetPolicy judges all connections by another policy from the next sample on. If it has
// another grouping, the groups restart at the end of that sample.
func (t *Tracker) SetPolicy(p *Policy) {
	t.policy, t.lastPolicy = p, t.policy
	t.revision++
	t.wakeAll()
	t.networks = p.networks()
	t.renameNetworks(t.networks)
}
