// Package deploy tests what an operator is given: rules, routing and their runbooks.
// The source of the rules is the mixin.
package deploy
