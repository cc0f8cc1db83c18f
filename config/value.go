package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// value is a node of the file, and the way to it.
type value struct {
	file string
	node *yaml.Node // never an alias
	path string
	// deprecated collects the keys in use that have another name now.
	deprecated *[]Deprecated
}

// entry is a key of a mapping and what it has.
type entry struct {
	key string
	at  value // the key itself
	value
}

// field is a key that a mapping may have.
type field struct {
	name string
	// old is a previous name, which is still accepted; empty for none.
	old      string
	required bool
	read     func(value) error
}

// always makes the field one that must be there.
func (f field) always() field {
	f.required = true

	return f
}

// fail is the error about this place.
func (v value) fail(err error) error {
	return &Error{File: v.file, Line: v.node.Line, Column: v.node.Column, Path: v.path, Err: err}
}

func (v value) failf(format string, args ...any) error { return v.fail(fmt.Errorf(format, args...)) }

// expected is the error about something else standing here.
func (v value) expected(what string) error { return v.failf("expected %s, found %s", what, v.kind()) }

// kind describes the value.
func (v value) kind() string {
	switch {
	case v.node.Kind == yaml.MappingNode:
		return "a mapping"
	case v.node.Kind == yaml.SequenceNode:
		return "a list"
	case v.isNull():
		return "nothing"
	default:
		return quote(v.node.Value)
	}
}

func (v value) isNull() bool { return v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!null" }

// below returns what stands at a node below this one.
func (v value) below(n *yaml.Node, path string) value {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}

	return value{v.file, n, v.path + path, v.deprecated}
}

// text reads a string.
func (v value) text(what string) (string, error) {
	if v.node.Kind != yaml.ScalarNode || v.isNull() {
		return "", v.expected(what)
	}

	return v.node.Value, nil
}

// items reads a list; nothing is a list of none.
func (v value) items(what string) ([]value, error) {
	if v.isNull() {
		return nil, nil
	}

	if v.node.Kind != yaml.SequenceNode {
		return nil, v.expected(what)
	}

	all := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		all[i] = v.below(n, "["+strconv.Itoa(i)+"]")
	}

	return all, nil
}

// entries reads a mapping; nothing is a mapping of none.
func (v value) entries(what string) ([]entry, error) {
	if v.isNull() {
		return nil, nil
	}

	if v.node.Kind != yaml.MappingNode {
		return nil, v.expected(what)
	}

	all := make([]entry, 0, len(v.node.Content)/2)
	places := make(map[string]int, len(v.node.Content)/2)

	for pair := range slices.Chunk(v.node.Content, 2) {
		key := v.below(pair[0], "")

		name, err := key.text("a key")
		if err != nil {
			return nil, err
		}

		key.path = v.pathTo(name)

		if i, given := places[name]; given {
			return nil, key.failf("given twice, before in line %d", all[i].at.node.Line)
		}

		places[name] = len(all)

		e := entry{key: name, at: key, value: v.below(pair[1], "")}
		e.path = key.path
		all = append(all, e)
	}

	return all, nil
}

// child returns what a mapping has under a key, and whether it has it.
func (v value) child(key string) (value, bool) {
	if v.node.Kind != yaml.MappingNode {
		return value{}, false
	}

	for pair := range slices.Chunk(v.node.Content, 2) {
		if v.below(pair[0], "").node.Value == key {
			return v.below(pair[1], "."+key), true
		}
	}

	return value{}, false
}

// pathTo returns the path of a key.
func (v value) pathTo(key string) string {
	if !isName(key) {
		key = quote(key)
	}

	if v.path == "" {
		return key
	}

	return v.path + "." + key
}

// fields reads a mapping that may have certain keys alone, in their order. The
// noun is what a key is called.
func (v value) fields(noun, what string, fields []field) error {
	entries, err := v.entries(what)
	if err != nil {
		return err
	}

	if err := v.renameOld(entries, fields); err != nil {
		return err
	}

	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}

	for _, e := range entries {
		if !slices.Contains(names, e.key) {
			return e.at.fail(unknown(noun, e.key, names))
		}
	}

	for _, f := range fields {
		i := slices.IndexFunc(entries, func(e entry) bool { return e.key == f.name })

		switch {
		case i < 0 && f.required:
			return v.failf("missing %q, expected %s", f.name, what)
		case i < 0:
		default:
			if err := f.read(entries[i].value); err != nil {
				return err
			}
		}
	}

	return nil
}

// renameOld gives keys under previous names the current ones.
func (v value) renameOld(entries []entry, fields []field) error {
	for i := range entries {
		e := &entries[i]

		f := slices.IndexFunc(fields, func(f field) bool { return f.old != "" && f.old == e.key })
		if f < 0 {
			continue
		}

		name := fields[f].name
		if slices.ContainsFunc(entries, func(other entry) bool { return other.key == name }) {
			return e.at.failf("given together with %q, which replaces it", name)
		}

		*v.deprecated = append(*v.deprecated, Deprecated{Line: e.at.node.Line, Key: e.key, Use: name})
		e.key = name
	}

	return nil
}

// unknown is the error about a name that stands for nothing.
func unknown(noun, name string, known []string) error {
	if meant := nearest(name, known); meant != "" {
		return fmt.Errorf("unknown %s, did you mean %q?", noun, meant)
	}

	return errors.New("unknown " + noun + ", expected " + enumerate(known))
}
