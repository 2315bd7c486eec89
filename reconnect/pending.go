package reconnect

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"sftpmount/sftpconn"
)

// pending is a write or a change of attributes that was started on a file. It
// is started anew on each handle that the file gets, until its outcome is known.
//
// All but f, op, set and mark is guarded by f.mu.
type pending struct {
	f    *file
	op   operation
	data []byte // of a write: what is still to be sent
	off  int64  // of a write; of an append, where the end was thought to be
	set  sftpconn.SetAttr
	mark *mark // if it replaces one; nobody is told if that fails

	number int // among what was started on f, from 1 on

	under   sftpconn.Pending // the request on the handle last tried
	settled bool
	err     error // the outcome, once settled
}

// start is called with f.mu held.
func (p *pending) start(h sftpconn.File) {
	if p.op == opFileSetAttr {
		p.under = h.SetAttr(p.set)
	} else {
		p.under = h.Write(p.data, p.off)
	}
}

// Wait implements [sftpconn.Pending].
func (p *pending) Wait(ctx context.Context) error {
	// What was acknowledged before a drop needs no connection.
	if err := p.await(ctx); !ended(err) {
		return err
	}
	if err := p.f.failure(); err != nil {
		return err
	}
	_, err := run(ctx, p.f.fs.sup, p.op, func(l *link) (nothing, error) {
		if p.isSettled() {
			return nothing{}, p.await(ctx)
		}
		if _, err := p.f.on(ctx, l); err != nil && !p.isSettled() {
			return nothing{}, err
		}
		return nothing{}, p.await(ctx)
	}, nil)
	if errors.Is(err, syscall.ETIMEDOUT) && p.mark == nil {
		// The caller takes it for lost, and may write the file by other means.
		return p.f.settle(p, err)
	}
	return err
}

// await waits for the request last started and settles p with its outcome, if
// it comes to one.
func (p *pending) await(ctx context.Context) error {
	p.f.mu.Lock()
	under, settled, err := p.under, p.settled, p.err
	p.f.mu.Unlock()
	if settled {
		return err
	}
	err = under.Wait(ctx)
	if unfinished(err) {
		return err
	}
	return p.f.settle(p, err)
}

func (p *pending) isSettled() bool {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return p.settled
}

// settle notes the outcome of p, unless it is known already, and returns it.
func (f *file) settle(p *pending, err error) error {
	f.mu.Lock()
	err = f.settleLocked(p, err)
	f.mu.Unlock()
	if p.op == opAppend && err == nil {
		f.fs.appended(f)
	}
	return err
}

func (f *file) settleLocked(p *pending, err error) error {
	if p.settled {
		return p.err
	}
	p.settled, p.err = true, err
	if p.mark != nil {
		f.fs.marks.end(p.mark)
	}
	if i := slices.Index(f.unacked, p); i >= 0 {
		f.unacked = slices.Delete(f.unacked, i, i+1)
	}
	if err != nil && p.mark == nil && f.unreported == nil {
		f.unreported = err
	}
	f.tail.note(p)
	f.unsynced.note(p, f.tail)
	p.data = nil
	return err
}

// settleAll ends everything unacknowledged with err, with f.mu held.
func (f *file) settleAll(err error) {
	for _, p := range slices.Clone(f.unacked) {
		_ = f.settleLocked(p, err)
	}
}
