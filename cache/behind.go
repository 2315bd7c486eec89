package cache

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"sftpmount/cache/internal/errand"
	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
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
		f.underWay(1)
		return func() { f.underWay(-1) }, nil
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

// underWay adds n to the changes that are under way.
func (f *FS) underWay(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names.Gens.UnderWay += n
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

// mkdirBehind makes a directory later, if it is sure to succeed.
func (f *FS) mkdirBehind(ctx context.Context, path string, mode uint32) (sftpconn.Attr, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	attr, ok := f.names.Newcomer(ctx, path, syscall.S_IFDIR|mode)
	attr.Size = 4096 // a guess, until the server tells
	ok = ok && f.makeBehind(ctx, "mkdir", path,
		func(ctx context.Context) (sftpconn.Attr, error) { return f.direct.Mkdir(ctx, path, mode) },
		func() { f.names.MadeDir(path, f.names.Asking(), attr) })
	return attr, ok
}

// symlinkBehind makes a symbolic link later, if it is sure to succeed.
func (f *FS) symlinkBehind(ctx context.Context, target, path string) (sftpconn.Attr, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	attr, ok := f.names.Newcomer(ctx, path, syscall.S_IFLNK|0o777)
	attr.Size = uint64(len(target))
	ok = ok && f.makeBehind(ctx, "symlink", path,
		func(ctx context.Context) (sftpconn.Attr, error) { return f.direct.Symlink(ctx, target, path) },
		func() {
			f.names.Made(path, f.names.Asking(), attr)
			f.names.LearnLink(path, f.names.Asking(), target)
		})
	return attr, ok
}

// makeBehind has something made at path later, by a request that tells its
// attributes. remember takes it in ahead of that. f.mu is held.
func (f *FS) makeBehind(ctx context.Context, change, path string,
	request func(context.Context) (sftpconn.Attr, error), remember func()) bool {
	var since uint64
	work := f.request(delivery{}, func(ctx context.Context) error {
		made, err := request(ctx)
		if err == nil {
			f.told(path, &since, made)
		}
		return err
	})
	if !f.behind(ctx, change, work, path) {
		return false
	}
	remember()
	since = f.names.Asking().Gen
	return true
}

// removeBehind removes a file later, if it is sure to succeed.
func (f *FS) removeBehind(ctx context.Context, path string) bool {
	e := f.expected(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.holds(e) || e.attr.IsDir() || !f.names.MayLose(path, e.attr) {
		return false
	}
	work := f.request(delivery{}, func(ctx context.Context) error { return unlessGone(f.direct.Remove(ctx, path)) })
	if !f.behind(ctx, "remove", work, path) {
		return false
	}
	f.opens.moved.Touch(path)
	f.opens.unlink(path)
	f.names.Gone(path)
	return true
}

// rmdirBehind removes an empty directory later, if it is sure to succeed.
func (f *FS) rmdirBehind(ctx context.Context, path string) bool {
	e := f.expected(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.holds(e) || !e.attr.IsDir() || !f.names.IsEmpty(path) || !f.names.MayLose(path, e.attr) {
		return false
	}
	work := f.request(delivery{}, func(ctx context.Context) error { return unlessGone(f.direct.Rmdir(ctx, path)) })
	if !f.behind(ctx, "rmdir", work, path) {
		return false
	}
	f.opens.moved.Touch(path)
	f.names.Gone(path)
	return true
}

// unlessGone forgives that what was to be removed was not there any more.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// renameBehind renames later, if it is sure to succeed.
func (f *FS) renameBehind(ctx context.Context, oldPath, newPath string, replace bool, written delivery) bool {
	moved, there := f.expected(oldPath), f.expected(newPath)
	f.mu.Lock()
	defer f.mu.Unlock()
	ok := f.holds(moved)
	if there.known {
		ok = ok && replace && f.holds(there) && !moved.attr.IsDir() && !there.attr.IsDir() && f.names.MayLose(newPath, there.attr)
	} else {
		ok = ok && f.names.IsFree(newPath)
	}
	if !ok || !f.names.MayLose(oldPath, moved.attr) || oldPath == newPath || pathname.Below(oldPath, newPath) || f.names.Links.Same(oldPath, newPath) {
		return false
	}
	work := f.request(written, func(ctx context.Context) error {
		return f.direct.Rename(ctx, oldPath, newPath, replace)
	})
	work.undo = func() {
		f.names.ForgetTree(newPath)
		f.opens.detachTree(newPath)
	}
	if !f.behind(ctx, "rename", work, oldPath, newPath) {
		return false
	}
	f.opens.moved.Touch(oldPath)
	f.opens.moved.Touch(newPath)
	f.renamed(oldPath, newPath)
	return true
}

// setAttrBehind changes attributes later, if it is sure to succeed. While the file
// is open for writing it does not: what is written next would overtake it.
func (f *FS) setAttrBehind(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, bool) {
	e := f.expected(path)
	written := f.delivery(path)
	c := written.content
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		written.last = c.queue.newest()
		e.known = e.known && !c.isWritable()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.holds(e) || !f.isSure(e.attr, set) || e.attr.IsSymlink() && !set.NoFollow {
		return e.attr, false
	}
	attr := known.Changed(e.attr, set)
	var since uint64
	work := f.request(written, func(ctx context.Context) error {
		attr, err := f.direct.SetAttr(ctx, path, set)
		if err == nil {
			f.told(path, &since, attr)
		}
		return err
	})
	if c != nil {
		c.passing.Add(1)
		work.do = c.pass(work.do)
	}
	if !f.behind(ctx, "change of attributes", work, path) {
		if c != nil {
			c.passing.Add(-1)
		}
		return attr, false
	}
	f.names.Changed(path, f.names.Asking(), attr)
	since = f.names.Asking().Gen
	if c != nil {
		c.foresee(set)
	}
	return attr, true
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
	for _, c := range all {
		c.push()
	}
	for _, c := range all {
		if err := c.settled(ctx); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir waits for all that was answered before it was carried out, and returns
// an error of what failed in or below dir with nobody told.
func (f *FS) SyncDir(ctx context.Context, dir string) error {
	if err := f.drain(ctx); err != nil {
		return err
	}
	return f.errands.TakeFailures(dir)
}
