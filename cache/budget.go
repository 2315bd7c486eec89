package cache

import "sync"

// budget counts the bytes that were written and not acknowledged. It admits
// more than its limit: a write is taken first, and whoever made it then waits,
// so that writes keep the order in which they were made.
type budget struct {
	limit int64

	mu   sync.Mutex
	used int64
	room chan struct{} // closed while used <= limit
}

func newBudget(limit int64) *budget {
	b := &budget{limit: limit, room: make(chan struct{})}
	close(b.room)
	return b
}

// add takes n bytes, or gives back -n.
func (b *budget) add(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.used
	b.used += n
	switch {
	case before <= b.limit && b.used > b.limit:
		b.room = make(chan struct{})
	case before > b.limit && b.used <= b.limit:
		close(b.room)
	}
}

// free returns a channel that is closed when the limit is kept.
func (b *budget) free() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.room
}
