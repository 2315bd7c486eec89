package idmap

import (
	"context"
	"errors"

	"sftpmount/sftpconn"
)

// file is an open file of a session.
type file struct {
	sftpconn.File
	session *session
}

// Attr implements [sftpconn.File].
func (f *file) Attr(ctx context.Context) (sftpconn.Attr, error) {
	attr, err := f.File.Attr(ctx)
	return f.session.made(ctx, attr, err)
}

// SetAttr implements [sftpconn.File]. To change owners, it asks for the current
// ones first.
func (f *file) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	ctx := context.Background() // the question ends with the connection at the latest
	err := f.session.translate(ctx, &set, func() (sftpconn.Attr, error) { return f.File.Attr(ctx) })
	if err != nil {
		return failed{err}
	}
	return f.File.SetAttr(set)
}

// failed is a request that was not sent.
type failed struct{ err error }

// Wait implements [sftpconn.Pending].
func (p failed) Wait(context.Context) error { return p.err }

// CopyFrom implements [sftpconn.File].
func (f *file) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	from, ok := src.(*file)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return f.File.CopyFrom(ctx, from.File, srcOff, off, n)
}
