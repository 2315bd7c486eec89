package fusefs

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// Unmounting has to work while the server is away, and umount(8) looks at what
// it unmounts first, with stat(2) and statfs(2). So these two do not wait for
// long: what was known last will do.

// awayPatience is how long they wait.
const awayPatience = time.Second

// getattrOfRoot is Getattr for the root of the mount.
func (n *node) getattrOfRoot(ctx context.Context, out *fuse.Attr) syscall.Errno {
	ctx, cancel := context.WithTimeout(ctx, awayPatience)
	defer cancel()
	at := time.Now()
	attr, _, errno := n.attr(ctx)
	if errno == syscall.ETIMEDOUT {
		attr, at = n.lastKnown()
		errno = 0
	}
	if errno == 0 {
		n.tell(out, attr, at)
	}
	return errno
}

// lastKnown returns what was told of the root last, and when. If nobody has
// asked yet, it is a directory, whatever else it is.
func (n *node) lastKnown() (sftpconn.Attr, time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told.attr.Valid == 0 {
		return sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: syscall.S_IFDIR | 0o700}, time.Time{}
	}
	return n.told.attr, n.told.at
}

// statVFS asks for the space on the server. If it was never told, it returns
// errors.ErrUnsupported for a server that is away.
func (t *tree) statVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	ctx, cancel := context.WithTimeout(ctx, awayPatience)
	defer cancel()
	st, err := t.fsys.StatVFS(ctx, path)
	switch last := t.space.Load(); {
	case err == nil:
		t.space.Store(&st)
	case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, syscall.ETIMEDOUT):
	case last != nil:
		return *last, nil
	default:
		err = errors.ErrUnsupported
	}
	return st, err
}
