package fusefs

import (
	"context"

	"github.com/hanwen/go-fuse/v2/fs"
)

// notifier tells the kernel to forget attributes. One goroutine makes all such
// calls, so that none is made from a handler or with a lock held.
//
// A handler may wait for the call. That cannot deadlock, since only attributes
// are named and no pages: the kernel then takes no lock that another request
// holds (fuse_reverse_inval_inode in its fs/fuse/inode.c).
type notifier struct {
	requests chan notification
	stop     chan struct{}
	stopped  chan struct{}
}

type notification struct {
	inode *fs.Inode
	done  chan struct{}
}

func newNotifier() *notifier {
	n := &notifier{
		requests: make(chan notification),
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	go n.run()
	return n
}

func (n *notifier) run() {
	defer close(n.stopped)
	for {
		select {
		case r := <-n.requests:
			// An error says that the kernel does not know the inode
			// any more, or that the mount has ended.
			_ = r.inode.NotifyContent(-1, 0)
			close(r.done)
		case <-n.stop:
			return
		}
	}
}

// forgetAttributes returns when the kernel has dropped the inode's attributes,
// or when ctx ends.
func (n *notifier) forgetAttributes(ctx context.Context, inode *fs.Inode) {
	r := notification{inode, make(chan struct{})}
	select {
	case n.requests <- r:
	case <-n.stop:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-r.done:
	case <-ctx.Done():
	}
}

func (n *notifier) close() {
	close(n.stop)
	<-n.stopped
}
