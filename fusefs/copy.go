package fusefs

import (
	"context"
	"errors"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"

	"sftpmount/sftpconn"
)

// maxCopy is how much one copy_file_range(2) copies at most, in bytes: the
// kernel keeps writers of the file waiting meanwhile.
const maxCopy = 1 << 30

// littleCopy is up to how much is read and written as by a program, in bytes: the
// server's copy takes several round trips, these at most one.
const littleCopy = 64 << 10

var _ fs.NodeCopyFileRanger = (*node)(nil)

// CopyFileRange is copy_file_range(2). Told EOPNOTSUPP, the kernel reads and
// writes the data itself. So it does where the server refuses to copy: whatever
// the reason is, it is met there again, and told by a request that is told apart
// better.
func (n *node) CopyFileRange(ctx context.Context, fhIn fs.FileHandle, offIn uint64,
	_ *fs.Inode, fhOut fs.FileHandle, offOut, size, _ uint64) (done uint32, errno syscall.Errno) {
	from, okFrom := fhIn.(*handle)
	to, okTo := fhOut.(*handle)
	if !okFrom || !okTo || size <= littleCopy {
		return 0, syscall.EOPNOTSUPP
	}
	ctx, op := to.begin(ctx, "copy_file_range")
	defer op.end(&errno)
	copied, err := to.file.CopyFrom(ctx, from.file, int64(offIn), int64(offOut), int64(min(size, maxCopy)))
	to.node.changed()
	op.Bytes = copied
	if copied > 0 {
		return uint32(copied), 0 // an error is met again by the next
	}
	if _, refused := errors.AsType[*sftpconn.StatusError](err); refused {
		return 0, syscall.EOPNOTSUPP
	}
	return 0, to.errno(ctx, opWrite, err)
}
