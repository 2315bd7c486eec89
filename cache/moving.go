package cache

// moving are the paths that are being renamed or removed, and how many times. Until
// the end is known, nobody knows what is at them or below. It is guarded by FS.mu.
type moving map[string]int

// begin notes that paths are about to be renamed or removed.
func (m moving) begin(paths ...string) {
	for _, path := range paths {
		m[path]++
	}
}

func (m moving) end(paths ...string) {
	for _, path := range paths {
		if m[path]--; m[path] == 0 {
			delete(m, path)
		}
	}
}

// has reports whether path, or what is above it, is moving.
func (m moving) has(path string) bool {
	for top := range m {
		if path == top || below(top, path) {
			return true
		}
	}
	return false
}
