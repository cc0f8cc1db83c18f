package config

import (
	"bytes"
	"errors"
	"io"
	"net/netip"

	"go.yaml.in/yaml/v4"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Config is the contents of a configuration file.
type Config struct {
	// Profiles are the built-in and the given ones; the first is for the
	// connections that no rule matches.
	Profiles []judge.Profile
	// Rules choose among them. The first one that matches wins.
	Rules []Rule
	// Grouping defines the groups, nil if the file does not.
	Grouping *group.Grouping
	// Networks are the built-in and the given ones, nil if the file names none.
	Networks *group.Networks
	// Deprecated are the keys in the file that have another name now.
	Deprecated []Deprecated
}

// Deprecated is a key under a previous name, which is still accepted.
type Deprecated struct {
	Line     int
	Key, Use string
}

// Rule binds the connections that pass a filter to a profile.
type Rule struct {
	// Filter can be tested in user space.
	Filter *bytecode.Filter
	// Profile is an index into the profiles.
	Profile int
}

// parser holds what was read so far.
type parser struct {
	env bytecode.Env
	// known are the profiles, coming the names of those that were not read yet.
	known  []judge.Profile
	coming []string
	rules  []Rule

	networks map[netip.Prefix]string
	grouping *group.Grouping
}

// Parse reads a configuration. The name of the file is for errors, which are of
// the type [*Error]; env looks up the names in filters. An empty text is the
// configuration of a program that has none.
func Parse(name string, text []byte, env bytecode.Env) (*Config, error) {
	return (&parser{env: env, known: judge.BuiltinProfiles()}).parse(name, text)
}

func (p *parser) parse(name string, text []byte) (*Config, error) {
	root, err := document(name, text)
	if err != nil {
		return nil, err
	}

	err = root.fields("section", "a mapping of sections", []field{
		{name: "profiles", read: p.profiles},
		{name: "default_profile", read: p.defaultProfile},
		{name: "rules", read: p.ruleList},
		{name: "networks", read: p.networkList},
		{name: "groups", read: p.groups},
	})
	if err != nil {
		return nil, err
	}

	c := &Config{Profiles: p.known, Rules: p.rules, Grouping: p.grouping, Deprecated: *root.deprecated}
	if len(p.networks) > 0 {
		c.Networks = group.NewNetworks(p.networks)
	}

	return c, nil
}

// Policy returns what the tracker needs; matches makes a condition on rows of a
// filter.
func (c *Config) Policy(matches func(*bytecode.Filter) func(*sampler.Socket) bool) *health.Policy {
	policy := &health.Policy{Profiles: c.Profiles, Grouping: c.Grouping, Networks: c.Networks}
	for _, r := range c.Rules {
		policy.Rules = append(policy.Rules, health.Rule{Matches: matches(r.Filter), Profile: r.Profile})
	}

	return policy
}

// document reads the one document of the text; none is an empty one.
func document(name string, text []byte) (value, error) {
	root := value{name, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, "", new([]Deprecated)}

	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return root, root.fail(err)
	}

	for n := range 2 {
		var node yaml.Node

		err := loader.Load(&node)

		switch {
		case errors.Is(err, io.EOF):
			return root, nil
		case err != nil:
			return root, syntaxError(name, err)
		case n > 0:
			return root, root.below(&node, "").failf("expected one document, found another")
		}

		root = root.below(node.Content[0], "")
	}

	return root, nil
}

// syntaxError returns an error of the YAML parser.
func syntaxError(name string, err error) error {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return &Error{File: name, Err: err}
	}

	text := e.Message
	if e.ContextMsg != "" {
		text = e.ContextMsg + ", " + text
	}

	return &Error{File: name, Line: e.Mark.Line, Column: e.Mark.Column, Err: errors.New("bad YAML: " + text)}
}
