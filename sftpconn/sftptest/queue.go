package sftptest

import (
	"sync"
	"time"
)

// chunk is data on its way through a line.
type chunk struct {
	data []byte // nil for the end of the stream
	due  time.Time
}

// queue holds the chunks that one pipe has under way, in order.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	chunks  []chunk
	bytes   int
	dropped bool
}

func newQueue() *queue {
	q := &queue{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// push adds c as soon as fewer than limit bytes are held. It returns false
// once the queue was dropped.
func (q *queue) push(c chunk, limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= limit && !q.dropped {
		q.changed.Wait()
	}
	if q.dropped {
		return false
	}
	q.chunks = append(q.chunks, c)
	q.bytes += len(c.data)
	q.changed.Broadcast()
	return true
}

// pop takes the next chunk, and waits for it. It returns false once the queue
// was dropped.
func (q *queue) pop() (chunk, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && !q.dropped {
		q.changed.Wait()
	}
	if q.dropped {
		return chunk{}, false
	}
	c := q.chunks[0]
	q.chunks[0] = chunk{}
	q.chunks = q.chunks[1:]
	q.bytes -= len(c.data)
	q.changed.Broadcast()
	return c, true
}

// drop throws away what is held and ends all waiting.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped = true
	q.chunks, q.bytes = nil, 0
	q.changed.Broadcast()
}
