package sftptest

import (
	"context"
	"sync"

	"sftpmount/sftpconn"
)

// Mock is a [sftpconn.Session] whose methods a test replaces one by one: those that
// tests have had a use for.
type Mock struct {
	sftpconn.FS // answers where the func is nil

	LstatFn   func(ctx context.Context, path string) (sftpconn.Attr, error)
	StatFn    func(ctx context.Context, path string) (sftpconn.Attr, error)
	SetAttrFn func(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error)
	ReadDirFn func(ctx context.Context, path string) ([]sftpconn.DirEntry, error)
	OpenFn    func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error)
	MkdirFn   func(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error)
	RemoveFn  func(ctx context.Context, path string) error
	RenameFn  func(ctx context.Context, oldPath, newPath string, replace bool) error
	StatVFSFn func(ctx context.Context, path string) (sftpconn.StatVFS, error)
	CloseFn   func() error

	mu   sync.Mutex
	done chan struct{} // made by the first Done or End
	err  error
}

var _ sftpconn.Session = (*Mock)(nil)

// Lstat implements sftpconn.FS.
func (m *Mock) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if m.LstatFn != nil {
		return m.LstatFn(ctx, path)
	}
	return m.FS.Lstat(ctx, path)
}

// Stat implements sftpconn.FS.
func (m *Mock) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if m.StatFn != nil {
		return m.StatFn(ctx, path)
	}
	return m.FS.Stat(ctx, path)
}

// SetAttr implements sftpconn.FS.
func (m *Mock) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	if m.SetAttrFn != nil {
		return m.SetAttrFn(ctx, path, set)
	}
	return m.FS.SetAttr(ctx, path, set)
}

// ReadDir implements sftpconn.FS.
func (m *Mock) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	if m.ReadDirFn != nil {
		return m.ReadDirFn(ctx, path)
	}
	return m.FS.ReadDir(ctx, path)
}

// Open implements sftpconn.FS.
func (m *Mock) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	if m.OpenFn != nil {
		return m.OpenFn(ctx, path, flags, mode)
	}
	return m.FS.Open(ctx, path, flags, mode)
}

// Mkdir implements sftpconn.FS.
func (m *Mock) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	if m.MkdirFn != nil {
		return m.MkdirFn(ctx, path, mode)
	}
	return m.FS.Mkdir(ctx, path, mode)
}

// Remove implements sftpconn.FS.
func (m *Mock) Remove(ctx context.Context, path string) error {
	if m.RemoveFn != nil {
		return m.RemoveFn(ctx, path)
	}
	return m.FS.Remove(ctx, path)
}

// Rename implements sftpconn.FS.
func (m *Mock) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	if m.RenameFn != nil {
		return m.RenameFn(ctx, oldPath, newPath, replace)
	}
	return m.FS.Rename(ctx, oldPath, newPath, replace)
}

// StatVFS implements sftpconn.FS.
func (m *Mock) StatVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	if m.StatVFSFn != nil {
		return m.StatVFSFn(ctx, path)
	}
	return m.FS.StatVFS(ctx, path)
}

// Close implements sftpconn.FS.
func (m *Mock) Close() error {
	if m.CloseFn != nil {
		return m.CloseFn()
	}
	return m.FS.Close()
}

// Done implements sftpconn.Session.
func (m *Mock) Done() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended()
}

// Err implements sftpconn.Session.
func (m *Mock) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// End ends the session, as a lost connection would: Done is closed, and Err
// returns err. It touches nothing else, and the first call counts.
func (m *Mock) End(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.ended():
	default:
		m.err = err
		close(m.done)
	}
}

// ended returns the channel that Done returns. mu is held.
func (m *Mock) ended() chan struct{} {
	if m.done == nil {
		m.done = make(chan struct{})
	}
	return m.done
}
