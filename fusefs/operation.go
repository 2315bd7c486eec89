package fusefs

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// signalPoll is how often a caller's signals are looked at once it got one.
const signalPoll = 50 * time.Millisecond

// operation is the context of one request of the kernel.
//
// The kernel sends FUSE_INTERRUPT when the calling thread gets any signal, a
// timer's tick as well as SIGKILL, once for each request; and from then on the
// thread waits until the request is answered. So an interrupt ends nothing by
// itself. It makes the operation look at the signals that wait for the thread,
// again and again until the request is done: one that kills the program ends
// the context, and one that the program would notice closes the interrupt
// channel (see [sftpconn.WithInterrupt]).
//
// Only an operation that somebody waits for (Done) is watched.
type operation struct {
	*fuse.Context
	Request
	tree      *tree
	interrupt chan struct{}

	mu   sync.Mutex
	done chan struct{} // nil until Done is called
	err  error         // not nil once done
}

// begin returns the context of a request that a handler was called with, about
// the node or, where name is not empty, about that name in it. The handler calls
// end when it returns.
func (n *node) begin(ctx context.Context, request, name string) (context.Context, *operation) {
	caller, _ := ctx.(*fuse.Context) // go-fuse always passes one
	pid := caller.Pid
	if pid == pagesPID {
		pid = 0
	}
	op := &operation{
		Context:   caller,
		Request:   Request{Operation: request, UID: caller.Uid, PID: pid, Began: time.Now(), from: place{n, name}},
		tree:      n.tree,
		interrupt: make(chan struct{}),
	}
	n.tree.opts.Observer.Begin(&op.Request)
	return sftpconn.WithInterrupt(op, op.interrupt), op
}

// end tells of the outcome, and ends the context. It is to be deferred, and
// passes on a panic.
func (o *operation) end(errno *syscall.Errno) {
	reason := recover()
	if reason != nil {
		*errno = syscall.EIO // see tree.panicked
		defer panic(reason)
	}
	o.Took, o.Errno = time.Since(o.Began), *errno
	o.tree.opts.Observer.End(&o.Request)
	o.finish()
}

// Done returns a channel that is closed when the program behind the request is
// killed, when the mount has ended, or when the request is finished.
func (o *operation) Done() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done == nil {
		o.done = make(chan struct{})
		if o.err != nil {
			close(o.done)
		} else {
			done := o.done
			o.tree.watchers.Go(func() { o.watch(done) })
		}
	}
	return o.done
}

// Err returns context.Canceled once Done is closed.
func (o *operation) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *operation) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = context.Canceled
	if o.done != nil {
		close(o.done)
	}
}

// watch waits for an interrupt, and then watches the caller's signals until the
// operation is done.
func (o *operation) watch(done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-o.Cancel:
	}
	ticker := time.NewTicker(signalPoll)
	defer ticker.Stop()
	for noticedBefore := false; ; {
		// go-fuse cancels all requests too when the mount has ended,
		// which no signal tells.
		if o.tree.connection.ended() {
			o.finish()
			return
		}
		switch judgeThread(o.Pid) {
		case fatal:
			o.finish()
			return
		case noticed:
			if !noticedBefore {
				close(o.interrupt)
			}
			noticedBefore = true
		}
		select {
		case <-done:
			return
		case <-ticker.C:
		}
	}
}
