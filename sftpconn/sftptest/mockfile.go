package sftptest

import (
	"context"

	"sftpmount/sftpconn"
)

// MockFile is a [sftpconn.File] whose methods a test replaces one by one.
type MockFile struct {
	sftpconn.File // answers where the func is nil

	ReadAtFn   func(ctx context.Context, p []byte, off int64) (int, error)
	WriteFn    func(p []byte, off int64) sftpconn.Pending
	SetAttrFn  func(set sftpconn.SetAttr) sftpconn.Pending
	CopyFromFn func(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error)
	FlushFn    func(ctx context.Context) error
	AttrFn     func(ctx context.Context) (sftpconn.Attr, error)
	SyncFn     func(ctx context.Context) error
	CloseFn    func(ctx context.Context) error
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

// SetAttr implements sftpconn.File.
func (m *MockFile) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	if m.SetAttrFn != nil {
		return m.SetAttrFn(set)
	}
	return m.File.SetAttr(set)
}

// CopyFrom implements sftpconn.File.
func (m *MockFile) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	if m.CopyFromFn != nil {
		return m.CopyFromFn(ctx, src, srcOff, off, n)
	}
	return m.File.CopyFrom(ctx, src, srcOff, off, n)
}

// Flush implements sftpconn.File.
func (m *MockFile) Flush(ctx context.Context) error {
	if m.FlushFn != nil {
		return m.FlushFn(ctx)
	}
	return m.File.Flush(ctx)
}

// Attr implements sftpconn.File.
func (m *MockFile) Attr(ctx context.Context) (sftpconn.Attr, error) {
	if m.AttrFn != nil {
		return m.AttrFn(ctx)
	}
	return m.File.Attr(ctx)
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
