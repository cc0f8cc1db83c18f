package config

import (
	"slices"

	"tcphealth_exporter/bytecode"
)

// defaultProfile puts the profile for unmatched connections first.
func (p *parser) defaultProfile(v value) error {
	i, err := p.profile(v)
	if err != nil {
		return err
	}

	first := p.known[i]
	p.known = slices.Insert(slices.Delete(p.known, i, i+1), 0, first)

	return nil
}

// profile reads the name of a profile and returns its index.
func (p *parser) profile(v value) (int, error) {
	name, err := v.text("the name of a profile")
	if err != nil {
		return 0, err
	}

	i := p.find(name)
	if i < 0 {
		return 0, v.fail(unknown("profile", name, p.names()))
	}

	return i, nil
}

// ruleList reads the rules.
func (p *parser) ruleList(v value) error {
	all, err := v.items("a list of rules")
	if err != nil {
		return err
	}

	for _, item := range all {
		var r Rule

		err := item.fields("key", "a mapping with a filter and a profile", []field{
			{name: "filter", required: true, read: func(v value) (err error) {
				r.Filter, err = p.filter(v)

				return err
			}},
			{name: "profile", required: true, read: func(v value) (err error) {
				r.Profile, err = p.profile(v)

				return err
			}},
		})
		if err != nil {
			return err
		}

		p.rules = append(p.rules, r)
	}

	return nil
}

// filter reads a filter that can be tested on rows.
func (p *parser) filter(v value) (*bytecode.Filter, error) {
	what := "a filter such as 'dport = 443'"

	text, err := v.text(what)
	if err != nil {
		return nil, err
	}

	filter, err := bytecode.Parse(text, p.env)
	if err == nil {
		err = filter.CheckUserSpace()
	}

	switch {
	case err != nil:
		return nil, v.fail(err)
	case filter.String() == "":
		return nil, v.failf("expected %s, found none: default_profile is for all other connections", what)
	}

	return filter, nil
}
