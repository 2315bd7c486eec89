package fusefs

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
)

// handle is an open file. Each belongs to one open(2), and ends with the
// kernel's RELEASE after the last close(2) of that.
type handle struct {
	node   *node
	file   sftpconn.File
	flags  sftpconn.OpenFlags
	number uint64        // no other handle of the mount has or had it
	syncs  bool          // each write is to be synced, and the kernel does not see to it
	pages  sftpconn.File // see placed; guarded by node.mu
}

// begin is node.begin for a request on the open file.
func (h *handle) begin(ctx context.Context, request string) (context.Context, *operation) {
	ctx, op := h.node.begin(ctx, request, "")
	op.File = h.number
	return ctx, op
}

// errno maps an error of the open file.
func (h *handle) errno(ctx context.Context, op operationKind, err error) syscall.Errno {
	if path, linked := h.node.path(); linked {
		return h.node.tree.errno(ctx, op, err, path)
	}
	return h.node.tree.errno(ctx, op, err)
}

var _ fs.FileReader = (*handle)(nil)

func (h *handle) Read(ctx context.Context, dest []byte, off int64) (result fuse.ReadResult, errno syscall.Errno) {
	ctx, op := h.begin(ctx, "read")
	defer op.end(&errno)
	n, err := h.file.ReadAt(ctx, dest, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, h.errno(ctx, opRead, err)
	}
	op.Bytes = int64(n)
	return fuse.ReadResultData(dest[:n]), 0
}

var _ fs.FileWriter = (*handle)(nil)

// Write writes data, at the end of the file if it was opened with O_APPEND. A
// page that a program has changed in its memory goes to its place all the same.
//
// data is go-fuse's again once Write returns, which may be before the FS is
// done with it, if the program is killed. So the FS gets a copy, which goes
// back to the pool only if the FS has surely let go of it.
func (h *handle) Write(ctx context.Context, data []byte, off int64) (written uint32, errno syscall.Errno) {
	ctx, op := h.begin(ctx, "write")
	defer op.end(&errno)
	file := h.file
	if op.isPageWrite() {
		var err error
		if file, err = h.placed(ctx); err != nil {
			return 0, h.errno(ctx, opOpen, err)
		}
	}
	err := file.Write(data, off).Wait(ctx)
	if err != nil && op.isPageWrite() {
		// It may be that of an earlier write, in place of this one; the
		// kernel notes that there was one, and drops the page.
		_ = file.Write(data, off).Wait(ctx)
	}
	h.node.changed()
	if err != nil {
		return 0, h.errno(ctx, opWrite, err)
	}
	if h.syncs {
		if err := h.sync(ctx); err != nil {
			return 0, h.errno(ctx, opWrite, err)
		}
	}
	op.Bytes = int64(len(data))
	return uint32(len(data)), 0
}

var _ fs.FileFlusher = (*handle)(nil)

// Flush is called for each close(2). It reports what was written through this
// handle and did not arrive.
func (h *handle) Flush(ctx context.Context) (errno syscall.Errno) {
	ctx, op := h.begin(ctx, "flush")
	defer op.end(&errno)
	return h.errno(ctx, opWrite, h.push(ctx, h.flush))
}

var _ fs.FileFsyncer = (*handle)(nil)

// Fsync returns when all that was written through this handle has arrived and
// is on stable storage there. A server without fsync@openssh.com cannot be
// asked for the latter; then it succeeds all the same, as it does with sshfs.
func (h *handle) Fsync(ctx context.Context, _ uint32) (errno syscall.Errno) {
	ctx, op := h.begin(ctx, "fsync")
	defer op.end(&errno)
	return h.errno(ctx, opWrite, h.push(ctx, h.sync))
}

// push carries out send, which is h.flush or h.sync, and notes what the server has then.
func (h *handle) push(ctx context.Context, send func(context.Context) error) error {
	n := h.node
	n.mu.Lock()
	changes := n.changes
	n.mu.Unlock()
	err := send(ctx)
	if err == nil {
		n.mu.Lock()
		n.flushed = max(n.flushed, changes)
		n.mu.Unlock()
	}
	return err
}

var _ fs.FileReleaser = (*handle)(nil)

func (h *handle) Release(ctx context.Context) (errno syscall.Errno) {
	ctx, op := h.begin(ctx, "release")
	defer op.end(&errno)
	n := h.node
	n.mu.Lock()
	n.handles = slices.DeleteFunc(n.handles, func(other *handle) bool { return other == h })
	n.mu.Unlock()
	if pages := h.pageFile(); pages != nil {
		_ = pages.Close(ctx)
	}
	return h.errno(ctx, opRead, h.file.Close(ctx))
}

var _ fs.FileAllocater = (*handle)(nil)

// Allocate is fallocate(2). It makes a file longer; that space is set aside for
// it is nothing that SFTP can ask for, nor can it do the other modes.
func (h *handle) Allocate(ctx context.Context, off, size uint64, mode uint32) (errno syscall.Errno) {
	ctx, op := h.begin(ctx, "fallocate")
	defer op.end(&errno)
	if mode != 0 {
		return syscall.EOPNOTSUPP
	}
	if off > math.MaxInt64-min(size, math.MaxInt64) {
		return syscall.EFBIG
	}
	attr, err := h.file.Attr(ctx)
	if err != nil {
		return h.errno(ctx, opStat, err)
	}
	if attr.Size >= off+size {
		return 0
	}
	op.Set = sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: off + size}}
	err = h.file.SetAttr(op.Set).Wait(ctx)
	h.node.changed()
	errno = h.errno(ctx, opSetSize, err)
	if errno == syscall.EIO && h.node.tree.noneSoLarge(ctx, h.node, off+size) {
		return syscall.EFBIG
	}
	return errno
}

var _ fs.FileLseeker = (*handle)(nil)

// Lseek is lseek(2) with SEEK_DATA or SEEK_HOLE. A file is all data here, with
// the hole at its end that every file has.
func (h *handle) Lseek(ctx context.Context, off uint64, whence uint32) (at uint64, errno syscall.Errno) {
	ctx, op := h.begin(ctx, "lseek")
	defer op.end(&errno)
	attr, err := h.file.Attr(ctx)
	if err != nil {
		return 0, h.errno(ctx, opStat, err)
	}
	switch {
	case whence != unix.SEEK_DATA && whence != unix.SEEK_HOLE:
		return 0, syscall.EINVAL
	case off >= attr.Size:
		return 0, syscall.ENXIO
	case whence == unix.SEEK_HOLE:
		return attr.Size, 0
	}
	return off, 0
}
