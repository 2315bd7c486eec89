package cache

import (
	"context"

	"sftpmount/sftpconn"
)

// inOrder is an FS on which every request waits for the errands that have to come
// before it. What changes something fails if one of them did.
type inOrder struct {
	sftpconn.FS
	errands  *errands
	progress *progress
}

// await waits for what has to come before a request about paths.
func (o *inOrder) await(ctx context.Context, paths ...string) error {
	for _, p := range o.errands.pending(paths...) {
		if err := o.progress.await(ctx, p.errand.done); err != nil {
			return err
		}
	}
	return nil
}

// awaitToChange is await for a request that changes something.
func (o *inOrder) awaitToChange(ctx context.Context, paths ...string) error {
	priors := o.errands.pending(paths...)
	for _, p := range priors {
		if err := o.progress.await(ctx, p.errand.done); err != nil {
			return err
		}
	}
	for _, p := range priors {
		if p.vital && p.errand.err != nil {
			return p.failure()
		}
	}
	for _, path := range paths {
		if err := o.errands.takeFailure(path); err != nil {
			return err
		}
	}
	return nil
}

// Lstat implements [sftpconn.FS].
func (o *inOrder) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if err := o.await(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return o.FS.Lstat(ctx, path)
}

// Stat implements [sftpconn.FS].
func (o *inOrder) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if err := o.await(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return o.FS.Stat(ctx, path)
}

// SetAttr implements [sftpconn.FS].
func (o *inOrder) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	if err := o.awaitToChange(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return o.FS.SetAttr(ctx, path, set)
}

// ReadDir implements [sftpconn.FS].
func (o *inOrder) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	if err := o.await(ctx, path); err != nil {
		return nil, err
	}
	return o.FS.ReadDir(ctx, path)
}

// Open implements [sftpconn.FS].
func (o *inOrder) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	if err := o.awaitToChange(ctx, path); err != nil {
		return nil, sftpconn.Attr{}, err
	}
	return o.FS.Open(ctx, path, flags, mode)
}

// Mkdir implements [sftpconn.FS].
func (o *inOrder) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	if err := o.awaitToChange(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return o.FS.Mkdir(ctx, path, mode)
}

// Remove implements [sftpconn.FS].
func (o *inOrder) Remove(ctx context.Context, path string) error {
	if err := o.awaitToChange(ctx, path); err != nil {
		return err
	}
	return o.FS.Remove(ctx, path)
}

// Rmdir implements [sftpconn.FS].
func (o *inOrder) Rmdir(ctx context.Context, path string) error {
	if err := o.awaitToChange(ctx, path); err != nil {
		return err
	}
	return o.FS.Rmdir(ctx, path)
}

// Rename implements [sftpconn.FS].
func (o *inOrder) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	if err := o.awaitToChange(ctx, oldPath, newPath); err != nil {
		return err
	}
	return o.FS.Rename(ctx, oldPath, newPath, replace)
}

// Symlink implements [sftpconn.FS].
func (o *inOrder) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	if err := o.awaitToChange(ctx, path); err != nil {
		return sftpconn.Attr{}, err
	}
	return o.FS.Symlink(ctx, target, path)
}

// Readlink implements [sftpconn.FS].
func (o *inOrder) Readlink(ctx context.Context, path string) (string, error) {
	if err := o.await(ctx, path); err != nil {
		return "", err
	}
	return o.FS.Readlink(ctx, path)
}

// Link implements [sftpconn.FS].
func (o *inOrder) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	if err := o.awaitToChange(ctx, oldPath, newPath); err != nil {
		return sftpconn.Attr{}, err
	}
	return o.FS.Link(ctx, oldPath, newPath)
}
