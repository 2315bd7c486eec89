package cache

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

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
