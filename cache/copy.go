package cache

import (
	"context"
	"errors"

	"sftpmount/sftpconn"
)

// CopyFrom implements [sftpconn.File]. It sends what was written to both files
// first. An error of an earlier write through any File of this path is returned
// in place of copying, as by Write.
func (f *File) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	from, ok := src.(*File)
	if !ok || from.content == f.content {
		return 0, errors.ErrUnsupported
	}
	for _, c := range []*content{from.content, f.content} {
		if err := c.settled(ctx); err != nil {
			return 0, err
		}
	}
	if err := f.beginCopy(); err != nil {
		return 0, err
	}
	src, err := source(ctx, from.under)
	if err != nil {
		return 0, err
	}
	copied, err := f.under.CopyFrom(ctx, src, srcOff, off, n)
	f.endCopy(off, copied, err)
	return copied, err
}

func (f *File) beginCopy() error {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.closed {
		return errFileClosed
	}
	if err := f.takeWriteError(); err != nil {
		return err
	}
	c.doubt()
	c.queue.blank = maxOffset
	return nil
}

// endCopy takes in what was copied. What a copy that failed has done is not
// known. Attributes asked for while it went on may be of any moment of it.
func (f *File) endCopy(off, copied int64, err error) {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubt()
	c.extend(off, off+copied)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		c.forget()
	}
}
