package sftptest

import (
	"context"

	"sftpmount/sftpconn"
)

// MockFile is a [sftpconn.File] whose methods a test replaces one by one.
type MockFile struct {
	sftpconn.File // answers where the func is nil

	ReadAtFn func(ctx context.Context, p []byte, off int64) (int, error)
	WriteFn  func(p []byte, off int64) sftpconn.Pending
	FlushFn  func(ctx context.Context) error
	SyncFn   func(ctx context.Context) error
	CloseFn  func(ctx context.Context) error
}

var _ sftpconn.File = (*MockFile)(nil)

// ReadAt implements sftpconn.File.
func (m *MockFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if m.ReadAtFn != nil {
		return m.ReadAtFn(ctx, p, off)
	}
	return m.File.ReadAt(ctx, p, off)
}

// Write implements sftpconn.File.
func (m *MockFile) Write(p []byte, off int64) sftpconn.Pending {
	if m.WriteFn != nil {
		return m.WriteFn(p, off)
	}
	return m.File.Write(p, off)
}

// Flush implements sftpconn.File.
func (m *MockFile) Flush(ctx context.Context) error {
	if m.FlushFn != nil {
		return m.FlushFn(ctx)
	}
	return m.File.Flush(ctx)
}

// Sync implements sftpconn.File.
func (m *MockFile) Sync(ctx context.Context) error {
	if m.SyncFn != nil {
		return m.SyncFn(ctx)
	}
	return m.File.Sync(ctx)
}

// Close implements sftpconn.File.
func (m *MockFile) Close(ctx context.Context) error {
	if m.CloseFn != nil {
		return m.CloseFn(ctx)
	}
	return m.File.Close(ctx)
}
