package cache_test

import (
	"context"

	"sftpmount/cache"
	"sftpmount/sftpconn"
)

// drained is a cache with AsyncClose that is asked after each change to carry it
// out: what it answered must be what it leads to.
type drained struct{ *cache.FS }

func (d drained) drain(ctx context.Context, err error) error {
	if syncErr := d.SyncDir(ctx, "/"); err == nil {
		err = syncErr
	}
	return err
}

func (d drained) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	attr, err := d.FS.SetAttr(ctx, path, set)
	return attr, d.drain(ctx, err)
}

func (d drained) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	file, attr, err := d.FS.Open(ctx, path, flags, mode)
	if err != nil {
		return nil, attr, err
	}
	return drainedFile{file, d}, attr, d.drain(ctx, err)
}

func (d drained) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	attr, err := d.FS.Mkdir(ctx, path, mode)
	return attr, d.drain(ctx, err)
}

func (d drained) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	attr, err := d.FS.Symlink(ctx, target, path)
	return attr, d.drain(ctx, err)
}

func (d drained) Remove(ctx context.Context, path string) error {
	return d.drain(ctx, d.FS.Remove(ctx, path))
}

func (d drained) Rmdir(ctx context.Context, path string) error {
	return d.drain(ctx, d.FS.Rmdir(ctx, path))
}

func (d drained) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	return d.drain(ctx, d.FS.Rename(ctx, oldPath, newPath, replace))
}

type drainedFile struct {
	sftpconn.File
	fs drained
}

func (f drainedFile) Flush(ctx context.Context) error {
	if err := f.fs.SyncDir(ctx, "/"); err != nil {
		return err
	}
	return f.Sync(ctx)
}

func (f drainedFile) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	if d, ok := src.(drainedFile); ok {
		src = d.File
	}
	return f.File.CopyFrom(ctx, src, srcOff, off, n)
}
