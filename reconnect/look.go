package reconnect

import (
	"context"
	"errors"
	"io/fs"

	"sftpmount/sftpconn"
)

// The methods here look whether an operation was carried out whose reply was
// lost and whose repeat failed. They return a nil error if so.
//
// The state before is not asked for, which would cost every change a round
// trip: the kernel looks names up before it removes, moves or makes them, so
// what was to be removed or moved was there, and what was to be made was not.

var errNotDone = errors.New("the operation was not carried out")

// absent says whether nothing is called path. It may see a mark: to wait until
// that is replaced would be to wait for the change that asks here, as the file
// does that has the mark.
func (f *FS) absent(ctx context.Context, path string) error {
	switch _, err := f.lstat(ctx, path); {
	case err == nil:
		return errNotDone
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err
	}
}

// moved says whether oldPath has become newPath. Like absent, it may see a mark.
func (f *FS) moved(ctx context.Context, oldPath, newPath string) error {
	if err := f.absent(ctx, oldPath); err != nil {
		return err
	}
	_, err := f.lstat(ctx, newPath)
	return err
}

// madeDir says whether path is a directory that may just have been made, and
// sees to its permissions: they are set by a request of their own if the
// server's umask lessened them.
func (f *FS) madeDir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	const permissions = 0o777
	attr, err := f.Lstat(ctx, path)
	if err != nil {
		return attr, err
	}
	if !attr.IsDir() {
		return attr, errNotDone
	}
	if entries, err := f.ReadDir(ctx, path); err != nil || len(entries) > 0 {
		return attr, errNotDone
	}
	if (attr.Mode^mode)&permissions == 0 {
		return attr, nil
	}
	exact := sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: attr.Mode&0o7000 | mode&0o7777}
	return f.SetAttr(ctx, path, sftpconn.SetAttr{Attr: exact})
}

// readsAs says whether path is a symbolic link to target.
func (f *FS) readsAs(ctx context.Context, path, target string) (sftpconn.Attr, error) {
	got, err := f.Readlink(ctx, path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	if got != target {
		return sftpconn.Attr{}, errNotDone
	}
	return f.Lstat(ctx, path)
}

// alike says whether newPath may be a further name of oldPath. SFTP tells no
// inode numbers.
func (f *FS) alike(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	older, err := f.Lstat(ctx, oldPath)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	newer, err := f.Lstat(ctx, newPath)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	older.Atime = newer.Atime // reading moves it
	if older != newer {
		return sftpconn.Attr{}, errNotDone
	}
	return newer, nil
}
