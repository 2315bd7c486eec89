package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Quirks are what a server cannot do, of what every server should. They are
// named after the workarounds of sshfs(1).
type Quirks struct {
	NoFStat      bool // FSTAT does not work: the name is asked for instead
	NoTruncate   bool // SETSTAT and FSETSTAT cannot change a size
	NoCreateMode bool // OPEN fails if it carries permissions other than 0
}

// resize changes the size of path where only OPEN and WRITE can. It is neither
// atomic nor quick: to make a file shorter, what is to stay is fetched, and then
// written anew.
func (c *Conn) resize(ctx context.Context, path string, size uint64) error {
	if size == 0 {
		return c.rewrite(ctx, path, Write|Truncate, nil, 0)
	}
	attr, err := c.Stat(ctx, path)
	switch {
	case err != nil:
		return err
	case attr.Size < size:
		return c.rewrite(ctx, path, Write, []byte{0}, int64(size)-1)
	case attr.Size == size:
		return nil
	}
	return c.shorten(ctx, path, int64(size))
}

func (c *Conn) shorten(ctx context.Context, path string, size int64) error {
	kept, err := os.CreateTemp("", "sftpmount-truncate-")
	if err != nil {
		return err
	}
	defer func() { _ = kept.Close() }()
	if err := os.Remove(kept.Name()); err != nil {
		return err
	}
	f, _, err := c.open(ctx, path, Read, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close(ctx) }()
	if _, err := io.CopyN(kept, &reader{ctx: ctx, file: f}, size); err != nil {
		return err
	}
	if err := c.rewrite(ctx, path, Write|Truncate, nil, 0); err != nil {
		return err
	}
	part := make([]byte, 1<<20)
	for at := int64(0); at < size; {
		n, err := kept.ReadAt(part[:min(int64(len(part)), size-at)], at)
		if err != nil {
			return err
		}
		if err := c.rewrite(ctx, path, Write, part[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// rewrite opens a file and writes p at off.
func (c *Conn) rewrite(ctx context.Context, path string, flags OpenFlags, p []byte, off int64) error {
	f, _, err := c.open(ctx, path, flags, 0)
	if err != nil {
		return err
	}
	if len(p) > 0 {
		f.Write(p, off)
		err = f.Flush(ctx)
	}
	_ = f.Close(ctx)
	return err
}

// reader reads a File from its start.
type reader struct {
	ctx  context.Context
	file File
	off  int64
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.file.ReadAt(r.ctx, p, r.off)
	r.off += int64(n)
	return n, err
}

// resize is SetAttr for an open file whose server has the quirk NoTruncate.
func (f *file) resize(set SetAttr) Pending {
	return f.SetAttrFound(func(ctx context.Context, current func(context.Context) (Attr, error)) (SetAttr, error) {
		err := f.ownsPath(ctx, current)
		if err == nil {
			err = f.conn.resize(ctx, f.path, set.Size)
		}
		set.Valid &^= AttrSize
		return set, err
	})
}

// ownsPath returns an error if another file has the path that the open file had, as
// far as attributes tell.
func (f *file) ownsPath(ctx context.Context, current func(context.Context) (Attr, error)) error {
	if f.conn.opts.Quirks.NoFStat {
		return nil // and nobody can tell
	}
	own, err := current(ctx)
	if err != nil {
		return err
	}
	there, err := f.conn.Stat(ctx, f.path)
	own.Atime = there.Atime
	if _, refused := errors.AsType[*StatusError](err); refused || err == nil && own != there {
		return fmt.Errorf("%w: %q was renamed or removed, and the server changes sizes by name alone", syscall.ESTALE, f.path)
	}
	return err
}
