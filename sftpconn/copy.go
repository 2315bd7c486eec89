package sftpconn

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
)

// copyChunk is how much one request has the server copy, in bytes. Its channel
// answers nothing else meanwhile, and a copy that is given up goes on until the
// end of the chunk.
const copyChunk = 64 << 20

// CopyFrom implements [File].
func (f *file) CopyFrom(ctx context.Context, src File, srcOff, off, n int64) (int64, error) {
	from, ok := src.(*file)
	switch {
	case !f.conn.has(extCopyData):
		return 0, missing(extCopyData)
	case !ok || from.conn != f.conn || from.path == f.path || f.flags&Append != 0:
		return 0, fmt.Errorf("the server cannot copy between these two: %w", errors.ErrUnsupported)
	}
	for _, file := range []*file{from, f} {
		if err := file.awaitStarted(ctx); err != nil {
			return 0, err
		}
	}
	for _, file := range []*file{from, f} {
		file.mu.Lock()
		file.work()
		file.mu.Unlock()
		defer file.rest()
	}
	to := f.first()
	source, err := from.handleOn(ctx, to.ch)
	if err != nil {
		return 0, err
	}
	start := func(done int64) *copying {
		return startCopy(source, to, f.path, srcOff+done, off+done, min(copyChunk, n-done))
	}
	var done int64
	for current := start(0); current != nil; {
		// The next chunk is on its way while one is copied.
		var next *copying
		if end := done + current.n; end < n && !isClosed(Interrupt(ctx)) {
			next = start(end)
		}
		copied, sure, err := current.wait(ctx)
		if err == nil && !sure {
			err = f.sameEnd(ctx, from, current, copied)
		}
		if err != nil {
			return done, err
		}
		done += copied
		if copied < current.n {
			return done, err
		}
		current = next
	}
	return done, nil
}

// lastPiece is at least how much OpenSSH copies in one go, in bytes: the last of
// that may be missing.
const lastPiece = 64 << 10

// sameEnd fails if the end of what c has copied is not in f, or cannot be read.
func (f *file) sameEnd(ctx context.Context, from *file, c *copying, copied int64) error {
	to := File(f)
	if f.flags&Read == 0 {
		readable, _, err := f.conn.Open(ctx, f.path, Read, 0)
		if _, refused := errors.AsType[*StatusError](err); refused {
			return c.notAll()
		}
		if err != nil {
			return err
		}
		defer func() { _ = readable.Close(ctx) }()
		to = readable
	}
	n := min(copied, lastPiece)
	want, got := make([]byte, n), make([]byte, n)
	_, errFrom := from.ReadAt(ctx, want, c.srcOff+copied-n)
	_, errTo := to.ReadAt(ctx, got, c.off+copied-n)
	if err := cmp.Or(errFrom, errTo); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(want, got) {
		return c.notAll()
	}
	return nil
}

// handleOn returns the file's handle on ch. It opens the file there if need be,
// and if its path still names it.
func (f *file) handleOn(ctx context.Context, ch *channel) (handle, error) {
	if h, ok := f.openedOn(ch); ok {
		return h, nil
	}
	h, ok := f.openOn(ctx, ch, f.first().startStat(f.path))
	if !ok {
		if err := ctx.Err(); err != nil {
			return handle{}, err
		}
		return handle{}, fmt.Errorf("%q cannot be opened on another channel: %w", f.path, errors.ErrUnsupported)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.keep(ch)
	if f.closed {
		f.closeHandle(h)
		return handle{}, syscall.EBADF
	}
	f.handles = append(f.handles, h)
	f.conn.setWide(f, true)
	return h, nil
}

func (f *file) openedOn(ch *channel) (handle, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.handles, func(h handle) bool { return h.ch == ch })
	if i < 0 {
		return handle{}, false
	}
	return f.handles[i], true
}

// copying is a copy-data request, between two that tell how far the files reach.
//
// The reply to copy-data does not suffice: it carries no count, and OpenSSH
// answers SSH_FX_OK as well where the last piece could not be written.
type copying struct {
	off, srcOff, n                int64
	before, source, request, dest *call
}

func startCopy(source, dest handle, path string, srcOff, off, n int64) *copying {
	return &copying{
		off: off, srcOff: srcOff, n: n,
		before:  dest.startStat(path),
		source:  source.startStat(path),
		request: dest.ch.start("copy-data", path, copyDataPacket(source.id, srcOff, n, dest.id, off)),
		dest:    dest.startStat(path),
	}
}

// wait returns how much was copied: less than asked for at the end of the
// source. It is not sure where the file reached as far before.
func (c *copying) wait(ctx context.Context) (copied int64, sure bool, err error) {
	before, err := awaitAttr(ctx, c.before)
	if err != nil {
		return 0, false, err
	}
	source, err := awaitAttr(ctx, c.source)
	if err != nil {
		return 0, false, err
	}
	err = c.request.Wait(ctx)
	if status, ok := errors.AsType[*StatusError](err); err != nil && (!ok || status.Code != StatusEOF) {
		return 0, false, err
	}
	dest, err := awaitAttr(ctx, c.dest)
	if err != nil {
		return 0, false, afterActing(err)
	}
	copied = min(c.n, max(0, int64(source.Size)-c.srcOff))
	if copied > 0 && int64(dest.Size) < c.off+copied {
		return 0, false, c.notAll()
	}
	return copied, copied == 0 || int64(before.Size) < c.off+copied, nil
}

func (c *copying) notAll() error {
	return &StatusError{Op: "copy-data", Path: c.request.path, Code: StatusFailure, Message: "not all was copied"}
}
