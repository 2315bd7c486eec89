package cache

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"

	"sftpmount/sftpconn"
)

// silence is for how long no write must have been acknowledged for an
// interrupt to end the wait for one. Programs get signals all the time, and
// fail on a spurious EINTR: while acknowledgements come in, waiting has an end.
const silence = 2 * time.Second

// progress is when a write was last acknowledged, in Unix nanoseconds.
type progress struct{ last atomic.Int64 }

func (p *progress) note() { p.last.Store(time.Now().UnixNano()) }

func (p *progress) silentSince(begin time.Time) time.Duration {
	if last := time.Unix(0, p.last.Load()); last.After(begin) {
		begin = last
	}
	return time.Since(begin)
}

// await waits until done is closed. It ends early with ctx, and with EINTR when
// the caller was interrupted and nothing is being acknowledged.
func (p *progress) await(ctx context.Context, done <-chan struct{}) error {
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
		left := silence - p.silentSince(begin)
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
