// Package config reads the configuration file: the thresholds of each
// connection. Bytes go in, a [Config] comes out; reading the file is for
// others, and so is looking up names.
//
// # The file
//
// It is YAML with five sections, all optional:
//
//	default_profile: NAME   # for connections that no rule matches; auto
//	profiles: {NAME: ...}   # what differs from a base, see [judge.Thresholds]
//	rules: [...]            # the first filter that matches chooses a profile
//	networks: {NAME: [...]} # the address ranges of networks
//	groups: {by: [...]}     # dimensions that group connections
//
// A profile takes everything it does not mention from its base: a built-in
// profile, or one that stands above it. So there are no circles, and a file is
// read from top to bottom. A profile named like a built-in one replaces it for
// what stands below.
//
// # Strictness
//
// A key that is not known, a key given twice, a figure in the wrong unit or out
// of range, an unknown name: each is an [*Error], which names the
// first mistake with its line. Nothing is guessed or ignored.
//
// What may be set is one table (settings.go), and so is how the figures of each
// unit are written (notation.go).
package config
