package sftpconn

import "context"

type interruptKey struct{}

// WithInterrupt returns a context that carries a channel which is closed when
// the program behind the request gets a signal that it would notice.
//
// A context ends a request at once; an interrupt only ends waiting for a
// connection. The two differ because FUSE passes on every signal, and programs
// such as git get many and fail on a spurious EINTR: a request that a live
// server is about to answer is not given up for a timer's tick.
func WithInterrupt(ctx context.Context, interrupt <-chan struct{}) context.Context {
	return context.WithValue(ctx, interruptKey{}, interrupt)
}

// Interrupt returns the channel that WithInterrupt put into ctx, or nil, which
// is never ready.
func Interrupt(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(interruptKey{}).(<-chan struct{})
	return c
}
