// Package deploy tests what an operator is given: rules, routing and their runbooks.
package deploy
