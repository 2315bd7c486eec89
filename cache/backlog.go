package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sftpmount/sftpconn"
)

// silence is for how long nothing must have been acknowledged for an interrupt to end
// the wait for that. Programs get signals all the time, and fail on a spurious EINTR:
// while acknowledgements come in, waiting has an end.
const silence = 2 * time.Second

// backlog is what was taken from programs and is not acknowledged: it counts the bytes
// that were written. It admits more than its limit: a write is taken first, and whoever
// made it then waits, so that writes keep the order in which they were made.
type backlog struct {
	limit  int64
	latest atomic.Int64 // acknowledgement, of a write or an errand, in Unix nanoseconds

	mu   sync.Mutex
	used int64
	room chan struct{} // closed while used <= limit
}

func newBacklog(limit int64) *backlog {
	b := &backlog{limit: limit, room: make(chan struct{})}
	close(b.room)
	return b
}

// add takes n bytes, or gives back -n.
func (b *backlog) add(n int64) {
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
func (b *backlog) free() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.room
}

// bytes returns what is counted now.
func (b *backlog) bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// acknowledged notes that something was just now.
func (b *backlog) acknowledged() { b.latest.Store(time.Now().UnixNano()) }

func (b *backlog) silentSince(begin time.Time) time.Duration {
	if latest := time.Unix(0, b.latest.Load()); latest.After(begin) {
		begin = latest
	}
	return time.Since(begin)
}

// await waits until done is closed. It ends early with ctx, and with EINTR when
// the caller was interrupted and nothing is being acknowledged.
func (b *backlog) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done: // without looking at ctx, which may be costly
		return nil
	default:
	}
	begin := time.Now()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-sftpconn.Interrupt(ctx):
	}
	for {
		left := silence - b.silentSince(begin)
		if left <= 0 {
			return syscall.EINTR
		}
		timer := time.NewTimer(left)
		select {
		case <-done:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
