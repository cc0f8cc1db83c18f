package config

import (
	"slices"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
)

// auto is the built-in profile that others start from unless they say otherwise.
const auto = "auto"

// baseKey is the key of a profile that names its base.
const baseKey = "base"

// profiles reads the profiles, in their order.
func (p *parser) profiles(v value) error {
	entries, err := v.entries("a mapping of profiles")
	if err != nil {
		return err
	}

	for _, e := range entries {
		p.coming = append(p.coming, e.key)
	}

	for _, e := range entries {
		if !isName(e.key) {
			return e.at.failf("expected a name of up to %d letters, digits, _ and -", maxName)
		}

		thresholds, err := p.thresholds(e)
		if err != nil {
			return err
		}

		p.coming = p.coming[1:]

		if err := p.define(e, thresholds); err != nil {
			return err
		}
	}

	return nil
}

// define adds a profile, or replaces a built-in one.
func (p *parser) define(e entry, thresholds *judge.Thresholds) error {
	if i := p.find(e.key); i >= 0 {
		p.known[i].Thresholds = thresholds

		return nil
	}

	if len(p.known) == health.MaxProfiles {
		return e.at.failf("expected at most %d profiles, the built-in ones included", health.MaxProfiles)
	}

	p.known = append(p.known, judge.Profile{Name: e.key, Thresholds: thresholds})

	return nil
}

// find returns the index of a profile read so far, -1 for none.
func (p *parser) find(name string) int {
	return slices.IndexFunc(p.known, func(known judge.Profile) bool { return known.Name == name })
}

// thresholds reads a profile on top of its base.
func (p *parser) thresholds(e entry) (*judge.Thresholds, error) {
	base, err := p.base(e)
	if err != nil {
		return nil, err
	}

	thresholds := *base
	fields := []field{{name: baseKey, read: func(value) error { return nil }}, patience(&thresholds)}

	for i := range settingTable {
		fields = append(fields, settingTable[i].field(&thresholds))
	}

	fields = append(fields, flags(&thresholds))

	return &thresholds, e.fields("setting", "a mapping of settings", fields)
}

// base returns the thresholds that a profile starts from.
func (p *parser) base(e entry) (*judge.Thresholds, error) {
	at, name := e.at, auto
	if p.find(e.key) >= 0 {
		name = e.key // a built-in one starts from itself
	}

	if v, found := e.child(baseKey); found {
		given, err := v.text("the name of a profile")
		if err != nil {
			return nil, err
		}

		at, name = v, given
	}

	i := p.find(name)

	switch {
	case name != e.key && slices.Contains(p.coming, name):
		return nil, at.failf("the base %q stands below, expected one that stands above", name)
	case i < 0:
		return nil, at.fail(unknown("base", name, p.names()))
	}

	return p.known[i].Thresholds, nil
}

func (p *parser) names() []string {
	names := make([]string, len(p.known))
	for i := range p.known {
		names[i] = p.known[i].Name
	}

	return names
}
