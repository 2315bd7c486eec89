package fusefs

import (
	"context"
	"errors"
	"math"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// The kernel writes back pages that a program has changed in its memory
// (mmap(2)) through any open file of the inode. They have their place in the
// file, even if it was opened with O_APPEND, which sends everything else to the
// end. FUSE tells the two apart; go-fuse's node API does not pass that on.

// pagesPID stands for the process behind the write of a page, which FUSE does
// not name. No process has this number: they are below 2^22 (PID_MAX_LIMIT).
const pagesPID = math.MaxUint32

// pageWrites marks the requests that write pages.
type pageWrites struct {
	fuse.RawFileSystem
}

func (p *pageWrites) Write(cancel <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	mark(in)
	return p.RawFileSystem.Write(cancel, in, data)
}

func (p *pageWrites) Writev(cancel <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	mark(in)
	return p.RawFileSystem.Writev(cancel, in, data)
}

func mark(in *fuse.WriteIn) {
	if in.WriteFlags&fuse.WRITE_CACHE != 0 {
		in.Pid = pagesPID
	}
}

// isPageWrite reports whether a request was marked.
func (o *operation) isPageWrite() bool { return o.Pid == pagesPID }

// placed returns the open file through which a page is written to its place.
// For one opened with O_APPEND that is a further one.
func (h *handle) placed(ctx context.Context) (sftpconn.File, error) {
	if h.flags&sftpconn.Append == 0 {
		return h.file, nil
	}
	if file := h.pageFile(); file != nil {
		return file, nil
	}
	path, linked := h.node.path()
	if !linked {
		return nil, syscall.ESTALE
	}
	file, _, err := h.node.tree.fsys.Open(ctx, path, sftpconn.Write, 0)
	if err != nil {
		return nil, err
	}
	h.node.mu.Lock()
	first := h.pages
	if first == nil {
		h.pages = file
	}
	h.node.mu.Unlock()
	if first != nil { // another page was
		_ = file.Close(ctx)
		return first, nil
	}
	return file, nil
}

// pageFile returns the further file of a handle, or nil.
func (h *handle) pageFile() sftpconn.File {
	h.node.mu.Lock()
	defer h.node.mu.Unlock()
	return h.pages
}

// flush is File.Flush for all that was written through the handle.
func (h *handle) flush(ctx context.Context) error {
	if err := h.flushPages(ctx); err != nil {
		return err
	}
	return h.file.Flush(ctx)
}

// sync is File.Sync for all that was written through the handle. It returns what
// Flush would, too. A server that cannot is not asked, as with sshfs.
func (h *handle) sync(ctx context.Context) error {
	if err := h.flushPages(ctx); err != nil {
		return err
	}
	synced := h.file.Sync(ctx)
	if err := h.file.Flush(ctx); err != nil {
		return err
	}
	if errors.Is(synced, errors.ErrUnsupported) {
		return nil
	}
	return synced
}

func (h *handle) flushPages(ctx context.Context) error {
	if pages := h.pageFile(); pages != nil {
		return pages.Flush(ctx)
	}
	return nil
}
