package cache

import (
	"context"

	"sftpmount/sftpconn"
)

// failed is a request that was not started.
type failed struct{ err error }

// Wait implements [sftpconn.Pending].
func (p failed) Wait(context.Context) error { return p.err }

// buffered is a write that was copied. It is done when the budget is kept. An
// interrupt does not end that of an append, which the program would repeat.
type buffered struct {
	fs     *FS
	append bool
}

// Wait implements [sftpconn.Pending].
func (p buffered) Wait(ctx context.Context) error {
	if p.append {
		ctx = sftpconn.WithInterrupt(ctx, nil)
	}
	return p.fs.backlog.await(ctx, p.fs.backlog.free())
}

// queued is an op that is done when it is acknowledged.
type queued struct {
	fs *FS
	op *op
}

// Wait implements [sftpconn.Pending].
func (p queued) Wait(ctx context.Context) error {
	if err := p.fs.backlog.await(ctx, p.op.done); err != nil {
		return err
	}
	return p.op.err
}

var (
	_ sftpconn.Pending = failed{}
	_ sftpconn.Pending = buffered{}
	_ sftpconn.Pending = queued{}
)
