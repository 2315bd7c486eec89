package fusefs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"

	"sftpmount/sftpconn"
)

// While a node is being replaced by a rename, nobody here knows which file its
// path leads to: the server may have renamed already. What is learned by path
// then would be told to the kernel of the wrong file, and a program that reads
// the old one would see it cut off at the end of the new one.

// leaving is a rename that replaces a node. The zero value is none.
type leaving struct {
	path string        // that the node leaves; it may have others
	over chan struct{} // closed when it is known whether it was replaced
}

// replacing carries out a rename to path that would replace the node, if there
// is one.
func (n *node) replacing(path string, rename func() syscall.Errno) (errno syscall.Errno) {
	n.leave(path)
	errno = syscall.EIO // should it panic, nobody must wait for its end
	defer func() { n.left(errno == 0) }()
	return rename()
}

// leave says that a rename to path begins which would replace the node, if there
// is one. The kernel lets no two of them be under way.
func (n *node) leave(path string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leaving = leaving{path, make(chan struct{})}
}

// left says how that rename ended. A node that was replaced goes on leaving: it
// keeps its path for a moment, until go-fuse has moved the other one there.
func (n *node) left(replaced bool) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.leaving.over)
	if !replaced {
		n.leaving = leaving{}
	}
}

// arrive says that the node, if there is one, is about to be found by path, which
// it may have left before: a file with several names can get one back.
func (n *node) arrive(path string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.leaving.path == path {
		n.leaving = leaving{}
	}
}

// isLeaving reports whether path is not to be relied on.
func (n *node) isLeaving(path string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leaving.over != nil && n.leaving.path == path
}

// settle waits until it is known whether the node, if there is one, is replaced.
func (n *node) settle(ctx context.Context) syscall.Errno {
	if n == nil {
		return 0
	}
	n.mu.Lock()
	over := n.leaving.over
	n.mu.Unlock()
	if over == nil {
		return 0
	}
	select {
	case <-over:
		return 0
	case <-ctx.Done():
	case <-sftpconn.Interrupt(ctx):
	}
	return syscall.EINTR
}

// settledChild returns the child of a name, whose path is given, once it is not being
// replaced: then that path leads to it.
func (n *node) settledChild(ctx context.Context, name, path string) (*fs.Inode, syscall.Errno) {
	for {
		inode := n.GetChild(name)
		child := nodeOf(inode)
		if errno := child.settle(ctx); errno != 0 {
			return nil, errno
		}
		if child == nil || !child.isLeaving(path) {
			return inode, 0
		}
		select { // go-fuse is about to move the other one there
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, syscall.EINTR
		case <-sftpconn.Interrupt(ctx):
			return nil, syscall.EINTR
		}
	}
}
