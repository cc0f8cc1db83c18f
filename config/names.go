package config

import "strings"

// maxName is how long the name of a profile may be.
const maxName = 64

// isName reports whether a text can name a profile.
func isName(s string) bool {
	other := strings.IndexFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		digit := '0' <= r && r <= '9'

		return !letter && !digit && r != '_' && r != '-'
	})

	return s != "" && len(s) <= maxName && other < 0
}

// enumerate lists names: "a, b or c".
func enumerate(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}

	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// nearest returns the known name that a mistyped one was meant to be, if it can
// be meant: one that differs in one letter, or in a third of them.
func nearest(name string, known []string) (best string) {
	if len(name) > maxName {
		return ""
	}

	least := min(max(2, len(name)/3+1), len(name))

	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}

	return best
}

// distance counts the letters to insert, remove or replace that make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}

	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1

		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}

			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}

	return row[len(b)]
}
