package cache

import (
	"context"

	"sftpmount/sftpconn"
)

// inOrder is an FS on which what only asks waits for the errands that it has to see
// done. What changes something waits for its turn (FS.turn).
type inOrder struct {
	sftpconn.FS
	cache *FS
}

// await waits for what has to come before a request about path.
func (o *inOrder) await(ctx context.Context, path string) error {
	errands := o.cache.errands
	if errands.Idle() {
		return nil
	}
	o.cache.mu.Lock()
	pending := errands.Pending(path)
	o.cache.mu.Unlock()
	for _, e := range pending {
		if err := o.cache.backlog.await(ctx, e.Done); err != nil {
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

// ReadDir implements [sftpconn.FS].
func (o *inOrder) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	if err := o.await(ctx, path); err != nil {
		return nil, err
	}
	return o.FS.ReadDir(ctx, path)
}

// Open implements [sftpconn.FS].
func (o *inOrder) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	if err := o.await(ctx, path); err != nil {
		return nil, sftpconn.Attr{}, err
	}
	return o.FS.Open(ctx, path, flags, mode)
}

// Readlink implements [sftpconn.FS].
func (o *inOrder) Readlink(ctx context.Context, path string) (string, error) {
	if err := o.await(ctx, path); err != nil {
		return "", err
	}
	return o.FS.Readlink(ctx, path)
}

// StatVFS implements [sftpconn.FS].
func (o *inOrder) StatVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	if err := o.await(ctx, path); err != nil {
		return sftpconn.StatVFS{}, err
	}
	return o.FS.StatVFS(ctx, path)
}
