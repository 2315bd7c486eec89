package idmap

import (
	"context"
	"errors"

	"sftpmount/sftpconn"
)

// file is an open file of a session.
type file struct {
	sftpconn.Finder
	session *session
}

// Attr implements [sftpconn.File].
func (f *file) Attr(ctx context.Context) (sftpconn.Attr, error) {
	attr, err := f.Finder.Attr(ctx)
	return f.session.made(ctx, attr, err)
}

// SetAttr implements [sftpconn.File]. To change owners, it asks for the current
// ones first.
func (f *file) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	if set.Valid&sftpconn.AttrOwners == 0 {
		return f.Finder.SetAttr(set)
	}
	return f.SetAttrFound(func(ctx context.Context, current func(context.Context) (sftpconn.Attr, error)) (sftpconn.SetAttr, error) {
		err := f.session.translate(ctx, &set, func() (sftpconn.Attr, error) { return current(ctx) })
		return set, err
	})
}

// CopyFrom implements [sftpconn.File].
func (f *file) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	from, ok := src.(*file)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return f.Finder.CopyFrom(ctx, from.Finder, srcOff, off, n)
}
