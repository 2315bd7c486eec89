package known

import "sftpmount/cache/internal/pathname"

// Moving are the paths that are being renamed or removed, and how many times. Until
// the end is known, nobody knows what is at them or below.
type Moving map[string]int

// Begin notes that paths are about to be renamed or removed.
func (m Moving) Begin(paths ...string) {
	for _, path := range paths {
		m[path]++
	}
}

// End notes that they are, or are not going to be.
func (m Moving) End(paths ...string) {
	for _, path := range paths {
		if m[path]--; m[path] == 0 {
			delete(m, path)
		}
	}
}

// Has reports whether path, or what is above it, is moving.
func (m Moving) Has(path string) bool {
	for top := range m {
		if path == top || pathname.Below(top, path) {
			return true
		}
	}
	return false
}
