// Package loop is the clock of the sampling: it takes samples on a ticker, rechecks
// suspicious connections and answers questions in between, limits CPU use, and plays
// recordings. Everything runs on one goroutine.
package loop
