package reconnect

import (
	"context"
	"fmt"

	"sftpmount/sftpconn"
)

// FS is an [sftpconn.FS] that goes on with the next connection where one ends.
//
// Beside those of sftpconn.FS it returns these errors: ETIMEDOUT if the
// connection has been down for Options.Timeout, EINTR if the program got a
// signal (sftpconn.Interrupt) while it waited for the connection, EIO if
// whether an operation was carried out cannot be told, ESTALE if an open file
// could not be found again, and sftpconn.ErrNotSent after Close.
type FS struct {
	sup   *supervisor
	open  *openFiles
	marks marks
}

var _ sftpconn.FS = (*FS)(nil)

var errClosed = fmt.Errorf("%w: the file system was closed", sftpconn.ErrNotSent)

type nothing = struct{}

// New dials the first connection and returns an FS over it and those that
// follow. ctx bounds the first dial alone, whose error is returned as it is.
// With Options.Delay it only returns an FS, and the first connection is made
// like those after a drop.
//
// dial is called by one goroutine at a time. It must return soon after its
// context has ended.
func New(ctx context.Context, dial func(ctx context.Context) (sftpconn.Session, error), opts Options) (*FS, error) {
	var session sftpconn.Session
	if !opts.Delay {
		var err error
		if session, err = dial(ctx); err != nil {
			return nil, err
		}
	}
	return &FS{sup: start(dial, session, opts.withDefaults()), open: newOpenFiles()}, nil
}

// Close implements [sftpconn.FS]. What waits for a connection fails at once.
func (f *FS) Close() error {
	f.sup.close()
	return nil
}

// Status tells how the connection is.
func (f *FS) Status() Status { return f.sup.snapshot() }

// Lstat implements [sftpconn.FS].
func (f *FS) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if err := f.unmarked(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return f.lstat(ctx, path)
}

// lstat is Lstat that may see a mark.
func (f *FS) lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return run(ctx, f.sup, opLstat, func(l *link) (sftpconn.Attr, error) { return l.Lstat(ctx, path) }, nil)
}

// Stat implements [sftpconn.FS].
func (f *FS) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if err := f.unmarked(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return run(ctx, f.sup, opStat, func(l *link) (sftpconn.Attr, error) { return l.Stat(ctx, path) }, nil)
}

// SetAttr implements [sftpconn.FS].
func (f *FS) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	if err := f.unmarked(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return f.setAttr(ctx, path, set)
}

// setAttr is SetAttr that may change a file with a mark.
func (f *FS) setAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	if set.Valid&sftpconn.AttrSize != 0 {
		f.resized(path)
		defer f.resized(path)
	}
	return run(ctx, f.sup, opSetAttr, func(l *link) (sftpconn.Attr, error) { return l.SetAttr(ctx, path, set) }, nil)
}

// ReadDir implements [sftpconn.FS].
func (f *FS) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	if err := f.unmarked(ctx, path); err != nil {
		return nil, err
	}
	return run(ctx, f.sup, opReadDir, func(l *link) ([]sftpconn.DirEntry, error) { return l.ReadDir(ctx, path) }, nil)
}

// Readlink implements [sftpconn.FS].
func (f *FS) Readlink(ctx context.Context, path string) (string, error) {
	return run(ctx, f.sup, opReadlink, func(l *link) (string, error) { return l.Readlink(ctx, path) }, nil)
}

// StatVFS implements [sftpconn.FS].
func (f *FS) StatVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	return run(ctx, f.sup, opStatVFS, func(l *link) (sftpconn.StatVFS, error) { return l.StatVFS(ctx, path) }, nil)
}

// RealPath implements [sftpconn.FS].
func (f *FS) RealPath(ctx context.Context, path string) (string, error) {
	return run(ctx, f.sup, opRealPath, func(l *link) (string, error) { return l.RealPath(ctx, path) }, nil)
}

// Open implements [sftpconn.FS].
func (f *FS) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	if err := f.unmarked(ctx, path); err != nil {
		return nil, sftpconn.Attr{}, err
	}
	if flags&sftpconn.Truncate != 0 {
		f.resized(path)
		defer f.resized(path)
	}
	var opened *file
	var err error
	opening := f.open.beginOpen(path)
	defer func() { f.open.endOpen(opening, opened) }()
	if flags&(sftpconn.Create|sftpconn.Excl) == sftpconn.Create|sftpconn.Excl {
		opened, err = f.createExcl(ctx, path, flags, mode)
	} else {
		opened, err = run(ctx, f.sup, opOpen,
			func(l *link) (*file, error) { return f.openOn(ctx, l, path, flags, mode) }, nil)
	}
	if err != nil {
		return nil, sftpconn.Attr{}, err
	}
	return opened, opened.known, nil
}

func (f *FS) openOn(ctx context.Context, l *link, path string, flags sftpconn.OpenFlags, mode uint32) (*file, error) {
	h, attr, err := l.Open(ctx, path, flags, mode)
	if err != nil {
		return nil, err
	}
	return newFile(f, flags, handle{h, l.number}, attr), nil
}

// Mkdir implements [sftpconn.FS].
func (f *FS) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	return run(ctx, f.sup, opMkdir,
		func(l *link) (sftpconn.Attr, error) { return l.Mkdir(ctx, path, mode) },
		func() (sftpconn.Attr, error) { return f.madeDir(ctx, path, mode) })
}

// Remove implements [sftpconn.FS].
func (f *FS) Remove(ctx context.Context, path string) error {
	change := f.open.begin(path, "")
	_, err := run(ctx, f.sup, opRemove,
		func(l *link) (nothing, error) { return nothing{}, l.Remove(ctx, path) },
		func() (nothing, error) { return nothing{}, f.absent(ctx, path) })
	f.open.end(change, err == nil)
	return err
}

// Rmdir implements [sftpconn.FS].
func (f *FS) Rmdir(ctx context.Context, path string) error {
	_, err := run(ctx, f.sup, opRmdir,
		func(l *link) (nothing, error) { return nothing{}, l.Rmdir(ctx, path) },
		func() (nothing, error) { return nothing{}, f.absent(ctx, path) })
	return err
}

// Rename implements [sftpconn.FS].
func (f *FS) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	if err := f.unmarked(ctx, oldPath); err != nil {
		return err
	}
	change := f.open.begin(oldPath, newPath)
	_, err := run(ctx, f.sup, opRename,
		func(l *link) (nothing, error) { return nothing{}, l.Rename(ctx, oldPath, newPath, replace) },
		func() (nothing, error) { return nothing{}, f.moved(ctx, oldPath, newPath) })
	f.open.end(change, err == nil)
	return err
}

// Symlink implements [sftpconn.FS].
func (f *FS) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	return run(ctx, f.sup, opSymlink,
		func(l *link) (sftpconn.Attr, error) { return l.Symlink(ctx, target, path) },
		func() (sftpconn.Attr, error) { return f.readsAs(ctx, path, target) })
}

// Link implements [sftpconn.FS].
func (f *FS) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	if err := f.unmarked(ctx, oldPath); err != nil {
		return sftpconn.Attr{}, err
	}
	attr, err := run(ctx, f.sup, opLink,
		func(l *link) (sftpconn.Attr, error) { return l.Link(ctx, oldPath, newPath) },
		func() (sftpconn.Attr, error) { return f.alike(ctx, oldPath, newPath) })
	if err == nil {
		f.open.linked(oldPath, newPath)
	}
	return attr, err
}
