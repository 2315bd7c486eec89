package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"sftpmount/sftpconn"
)

// flights let callers that ask the same question at the same time share one
// request. Unlike golang.org/x/sync/singleflight, the request outlives the
// caller that started it as long as another one waits, and no longer.
type flights[V any] struct {
	background *background

	mu  sync.Mutex
	all map[flightKey]*flight[V]
}

// flightKey names a question. The generation keeps a caller from joining a
// request that was started before a change that the caller knows of.
type flightKey struct {
	path  string
	since uint64
}

// flight is one request. waiting is guarded by flights.mu; value, err and
// panicked are set before done is closed.
type flight[V any] struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	value   V
	err     error
	// panicked says what ask panicked with, and where; empty: it did not.
	panicked string
}

func newFlights[V any](b *background) *flights[V] {
	return &flights[V]{background: b, all: make(map[flightKey]*flight[V])}
}

// do returns what ask returns, or panics as it does. ask runs on a context of its own, which carries
// nothing of the caller's. A caller that is interrupted asks for itself: only
// the layers below know whether an interrupt ends what it waits for.
func (g *flights[V]) do(ctx context.Context, key flightKey, ask func(context.Context) (V, error)) (V, error) {
	f := g.join(key, ask)
	defer g.leave(key, f)
	select {
	case <-f.done:
		if f.panicked != "" {
			panic(f.panicked)
		}
		return f.value, f.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	case <-sftpconn.Interrupt(ctx):
		return ask(ctx)
	}
}

func (g *flights[V]) join(key flightKey, ask func(context.Context) (V, error)) *flight[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.all[key]; f != nil {
		f.waiting++
		return f
	}
	f := &flight[V]{waiting: 1, done: make(chan struct{})}
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(g.background.ctx)
	g.all[key] = f
	run := func() {
		defer close(f.done)
		defer g.land(key, f)
		defer func() {
			if reason := recover(); reason != nil {
				f.panicked = fmt.Sprintf("%v\n%s", reason, debug.Stack())
			}
		}()
		f.value, f.err = ask(ctx)
	}
	if !g.background.spawn(run) {
		f.err = errClosed
		delete(g.all, key)
		close(f.done)
	}
	return f
}

// land keeps f from being joined any more.
func (g *flights[V]) land(key flightKey, f *flight[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[key] == f {
		delete(g.all, key)
	}
}

// leave cancels f if its last waiting caller leaves.
func (g *flights[V]) leave(key flightKey, f *flight[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.waiting--
	if f.waiting > 0 {
		return
	}
	f.cancel()
	if g.all[key] == f {
		delete(g.all, key)
	}
}
