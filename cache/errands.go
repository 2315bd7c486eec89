package cache

import (
	"context"

	"sftpmount/cache/internal/errand"
	"sftpmount/sftpconn"
)

// errandWork is what an errand does.
type errandWork struct {
	// do carries it out. err is why that cannot be, and is returned then.
	do func(ctx context.Context, err error) error

	// undo takes back what was remembered ahead of it, with FS.mu held, if do
	// fails. It may be nil.
	undo func()
}

// behind has a change carried out later, in order with everything else about
// paths. What it leads to is remembered by the caller, in one go with this: f.mu
// is held. It returns false if f is closed, or if nobody knows what is under way
// about paths will lead to.
func (f *FS) behind(ctx context.Context, change string, work errandWork, paths ...string) bool {
	e := f.errands.Add(change, false, paths...)
	carried := f.background.ctx
	if owner, ok := sftpconn.OwnerIn(ctx); ok {
		carried = sftpconn.WithOwner(f.background.ctx, owner)
	}
	if e.Unsure() || !f.background.spawn(func() { f.carryOut(carried, e, work) }) {
		f.errands.Finish(e, nil)
		return false
	}
	return true
}

func (f *FS) carryOut(ctx context.Context, e *errand.Errand, work errandWork) {
	err := work.do(ctx, e.Await(ctx, f.backlog.await))
	if err != nil {
		f.opts.Logger.Error("a change that was answered already could not be made",
			"change", e.Change, "path", e.Subject(), "err", err)
		f.mu.Lock()
		for _, path := range e.Paths {
			f.names.Unsure(path)
		}
		if work.undo != nil {
			work.undo()
		}
		f.mu.Unlock()
	}
	f.errands.Finish(e, err)
	f.backlog.acknowledged()
}

// request is the work of an errand that is one request, which is sent when what
// was written before has arrived.
func (f *FS) request(before delivery, do func(context.Context) error) errandWork {
	return errandWork{do: func(ctx context.Context, err error) error {
		if err == nil {
			err = before.await(ctx)
		}
		if err != nil {
			return err
		}
		leave, err := f.errands.Enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		return do(ctx)
	}}
}

// turn waits until it is the turn of a request that changes something about paths,
// and is not answered before. It fails if something failed that came before it.
// The caller calls end when it has taken in what the request led to.
func (f *FS) turn(ctx context.Context, change string, paths ...string) (end func(), err error) {
	if f.errands == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.names.Gens.Begin()
		return f.endChange, nil
	}
	f.mu.Lock()
	e := f.errands.Add(change, true, paths...)
	f.mu.Unlock()
	end = func() { f.errands.Finish(e, nil) }
	err = e.Await(ctx, f.backlog.await)
	for _, path := range paths {
		if err == nil {
			err = f.errands.TakeFailure(path)
		}
	}
	if err != nil {
		end()
	}
	return end, err
}

func (f *FS) endChange() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names.Gens.End()
}

// canQueue waits for room for one more change. It reports whether changes are
// answered before they are carried out at all.
func (f *FS) canQueue(ctx context.Context) (bool, error) {
	if f.errands == nil {
		return false, nil
	}
	return true, f.backlog.await(ctx, f.errands.Vacancy())
}

// told takes in what the server said of what was made at path by a change that
// was answered before, if nothing has changed it since that generation, which is
// guarded by f.mu.
func (f *FS) told(path string, since *uint64, attr sftpconn.Attr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := f.names.Asking()
	q.Gen = *since
	f.names.LearnAttr(path, q, attr, nil)
}

// drain waits until all is carried out that was answered before, and has all that
// was written sent and acknowledged.
func (f *FS) drain(ctx context.Context) error {
	if f.errands == nil {
		return nil
	}
	for _, e := range f.errands.Everything() {
		if err := f.backlog.await(ctx, e.Done); err != nil {
			return err
		}
	}
	f.mu.Lock()
	all := f.opens.contents()
	f.mu.Unlock()
	return settleAll(ctx, all)
}

// SyncDir waits for all that was answered before it was carried out, and returns
// an error of what failed in or below dir with nobody told.
func (f *FS) SyncDir(ctx context.Context, dir string) error {
	if err := f.drain(ctx); err != nil {
		return err
	}
	return f.errands.TakeFailures(dir)
}
