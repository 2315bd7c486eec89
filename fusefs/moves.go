package fusefs

import (
	"strings"
	"sync"
	"time"
)

// moves are the renames under way. The kernel resolves the target of a symbolic
// link from where the link is when it has read it, so a server that answers
// READLINK and RENAME at the same time could have a target that was contained
// where the link lay resolved from higher up.
type moves struct {
	mu  sync.Mutex
	all map[*move]struct{}
}

type move struct {
	from, to string
	ended    time.Time // zero while under way
}

// moveGrace is how long an ended move still counts: go-fuse and the kernel move
// the file after it.
const moveGrace = 100 * time.Millisecond

func (m *moves) begin(from, to string) *move {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = make(map[*move]struct{})
	}
	one := &move{from: from, to: to}
	m.all[one] = struct{}{}
	return one
}

func (m *moves) end(one *move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one.ended = time.Now()
	for earlier := range m.all {
		// What is there now came with this move.
		if !earlier.ended.IsZero() && within(earlier.from, one.to) {
			delete(m.all, earlier)
		}
	}
}

// within reports whether path is top or below it.
func within(path, top string) bool { return path == top || strings.HasPrefix(path, top+"/") }

// rise returns by how many directories the file at path may come to lie higher
// through what is under way.
func (m *moves) rise(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	rise := 0
	for one := range m.all {
		switch {
		case !one.ended.IsZero() && time.Since(one.ended) > moveGrace:
			delete(m.all, one)
		case within(path, one.from):
			rise += max(0, strings.Count(one.from, "/")-strings.Count(one.to, "/"))
		}
	}
	return rise
}
