// Package archtest holds the tests of the architecture: which room may import
// what, that tables are never written to, and that the repository names no
// path of a developer's machine.
//
// The linter checks the imports, too (.golangci.yml). These tests hold where
// the linter is not run, and look through dependencies.
package archtest
