package transform

import "strings"

// unknownName says what could have been meant by the name of an operation or a setting that does not exist.
func unknownName(name string) string {
	names := make([]string, 0, len(Operations)+len(Settings))
	for _, o := range Operations {
		names = append(names, o.Name)
	}
	for _, s := range Settings {
		names = append(names, s.Name)
	}
	best, least := "", 3
	for _, n := range names {
		d := distance(name, n)
		if len(name) > 2 && strings.HasPrefix(n, name) {
			d = 0
		}
		if d < least {
			best, least = n, d
		}
	}
	if best != "" {
		return "an operation or setting was expected (did you mean " + best + "?)"
	}
	return "an operation (" + strings.Join(names[:len(Operations)], ", ") + ") or setting (" +
		strings.Join(names[len(Operations):], ", ") + ") was expected"
}

// distance is the Levenshtein distance of two names, or a large number if they are too unlike to matter.
func distance(a, b string) int {
	if len(a) > 32 || len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 99
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
