// Package app is the program: its options, how its parts are wired, and its life from
// start to end. Errors become one line on standard error and an exit code here, and
// only here anything is logged.
package app
