package main

import "strings"

// nearest returns the known name that name was probably meant to be, or "".
func nearest(name string, known []string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance counts the bytes to insert, remove or replace to get from a to b
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// knownNames lists the names that may follow -o and that somebody may have meant.
func knownNames(table []optionGroup) []string {
	var names []string
	for option := range listed(table) {
		names = append(names, option.name)
	}
	names = append(names, kernelFlags...)
	return append(names, sshKeywords...)
}
