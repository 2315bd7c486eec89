package cache

import (
	"context"

	"sftpmount/sftpconn"
)

// late is a File that is still being opened. Its Write and SetAttr are called
// only once it is open, or could not be opened.
type late struct {
	path string // that it is opened by
	mode uint32 // and made with, if it is made

	open chan struct{} // closed when file and err are set
	file sftpconn.File
	err  error
}

var _ sftpconn.File = (*late)(nil)

func (l *late) arrive(file sftpconn.File, err error) {
	l.file, l.err = file, err
	close(l.open)
}

// isOpen reports whether requests on the file that f stands for can be started,
// and be it that they fail.
func isOpen(f sftpconn.File) bool {
	l, ok := f.(*late)
	if !ok {
		return true
	}
	select {
	case <-l.open:
		return true
	default:
		return false
	}
}

func (l *late) await(ctx context.Context) (sftpconn.File, error) {
	select {
	case <-l.open:
		return l.file, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ReadAt implements [sftpconn.File].
func (l *late) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	f, err := l.await(ctx)
	if err != nil {
		return 0, err
	}
	return f.ReadAt(ctx, p, off)
}

// Write implements [sftpconn.File].
func (l *late) Write(p []byte, off int64) sftpconn.Pending {
	if l.err != nil {
		return failed{l.err}
	}
	return l.file.Write(p, off)
}

// SetAttr implements [sftpconn.File].
func (l *late) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	if l.err != nil {
		return failed{l.err}
	}
	return l.file.SetAttr(set)
}

// CopyFrom implements [sftpconn.File].
func (l *late) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	f, err := l.await(ctx)
	if err != nil {
		return 0, err
	}
	return f.CopyFrom(ctx, src, srcOff, off, n)
}

// source returns the file that f stands for, as CopyFrom below takes it.
func source(ctx context.Context, f sftpconn.File) (sftpconn.File, error) {
	if l, ok := f.(*late); ok {
		return l.await(ctx)
	}
	return f, nil
}

// Flush implements [sftpconn.File].
func (l *late) Flush(ctx context.Context) error {
	f, err := l.await(ctx)
	if err != nil {
		return err
	}
	return f.Flush(ctx)
}

// Attr implements [sftpconn.File].
func (l *late) Attr(ctx context.Context) (sftpconn.Attr, error) {
	f, err := l.await(ctx)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return f.Attr(ctx)
}

// Sync implements [sftpconn.File].
func (l *late) Sync(ctx context.Context) error {
	f, err := l.await(ctx)
	if err != nil {
		return err
	}
	return f.Sync(ctx)
}

// Close implements [sftpconn.File].
func (l *late) Close(ctx context.Context) error {
	f, err := l.await(ctx)
	if err != nil {
		return nil //nolint:nilerror // there is nothing to close
	}
	return f.Close(ctx)
}
