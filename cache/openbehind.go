package cache

import (
	"context"
	"syscall"
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// lateness is what a File has besides others that was opened later than it was
// answered (AsyncClose). It is guarded by content.mu.
type lateness struct {
	made    bool   // it is a new file
	written bool   // through this File
	leave   func() // gives up its slot among what is under way; nil if it has none
}

// openBehind opens a file later, if that is sure to succeed: one that is made, or
// one that is on its way, so that all is known of it. It returns nil if not.
func (f *FS) openBehind(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (*File, sftpconn.Attr) {
	e := f.onItsWay(path)
	attr := e.attr
	f.mu.Lock()
	made, sure := f.names.Newcomer(ctx, path, syscall.S_IFREG|mode&known.Permissions)
	switch {
	case sure && flags&sftpconn.Create != 0:
		attr = made
	case f.holds(e) && flags&(sftpconn.Excl|sftpconn.Truncate) == 0 && f.names.MayOpen(attr, flags):
		sure, flags = false, flags&^sftpconn.Create
	default:
		f.mu.Unlock()
		return nil, attr
	}
	l := &late{path: path, mode: mode, open: make(chan struct{})}
	file := f.newFile(l, flags)
	file.queued = 1 // the opening itself
	file.late.made = sure
	o := &opening{path: path, asked: f.names.Asking(), moved: f.opens.moved.Now}
	var since uint64
	work := errandWork{
		do: func(ctx context.Context, err error) error {
			attr, err := f.openLate(ctx, file, l, err)
			if err == nil && sure {
				f.told(path, &since, attr)
			}
			return err
		},
		undo: func() {
			if f.opens.at(path) == file.content {
				f.opens.detach(path)
				f.names.Undoubt(path)
			}
		},
	}
	if !f.behind(ctx, "open", work, path) {
		f.mu.Unlock()
		file.ahead.cancel()
		return nil, attr
	}
	f.enter(ctx, file, o, attr)
	since = f.names.Asking().Gen
	file.content.users++ // the opening
	f.mu.Unlock()
	return file, file.content.opened(file, attr, file.content.view())
}

// onItsWay returns what is expected of a regular file that is not all on the server
// yet.
func (f *FS) onItsWay(path string) expectation {
	f.mu.Lock()
	attr, v := f.names.Lookup(path)
	c := f.opens.at(path)
	e := expectation{path, attr, v == known.Present && attr.IsRegular() && f.errands.IsAt(path), f.names.Asking()}
	f.mu.Unlock()
	if c == nil || v == known.Unknown {
		e.attr, e.known = c.foreseen()
	}
	return e
}

// openLate opens file, as l says. err is why it cannot.
func (f *FS) openLate(ctx context.Context, file *File, l *late, err error) (sftpconn.Attr, error) {
	leave := func() {}
	if err == nil {
		leave, err = f.errands.Enter(ctx)
	}
	var opened sftpconn.File
	var attr sftpconn.Attr
	if err == nil {
		opened, attr, err = f.direct.Open(ctx, l.path, file.flags, l.mode)
	}
	l.arrive(opened, err)
	f.mu.Lock()
	c := file.content
	f.mu.Unlock()
	c.openedLate(file, attr, err == nil, leave)
	c.leave()
	return attr, err
}

// openedLate takes in that f was opened on the server, or could not be.
func (c *content) openedLate(f *File, attr sftpconn.Attr, success bool, leave func()) {
	c.mu.Lock()
	if success && f.late.made && c.prediction.told.Value.Valid != 0 {
		c.prediction.told = known.Fact[sftpconn.Attr]{Value: attr, Taken: time.Now()}
	}
	f.queued--
	last := f.closed && f.queued == 0 // else whoever takes the last one away ends it
	c.pump()
	// So that not too many are open on the server; but not if it waits for others,
	// which may have to be opened themselves.
	kept := f.closed && f.queued > 0 && c.queue.only() == f
	if kept {
		f.late.leave = leave
	}
	c.mu.Unlock()
	if last {
		f.end()
	}
	if !kept {
		leave()
	}
}

// end closes what is left of a closed File. Nobody is left to tell.
func (f *File) end() {
	_ = f.under.Close(f.content.fs.background.ctx)
	f.content.mu.Lock()
	leave := f.late.leave
	f.content.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// pinTime has a new file keep the time of its last write that we have told, with
// content.mu held: programs such as git compare it later.
func (f *File) pinTime() {
	c := f.content
	if attr, ok := c.predicted(); ok && f.late.made && f.late.written && !c.prediction.times.set {
		set := sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrTimes, Atime: attr.Atime, Mtime: attr.Mtime}}
		c.change(f, set, nobody)
	}
}

// flushBehind is Flush with AsyncClose.
func (f *File) flushBehind() error {
	c := f.content
	c.mu.Lock()
	f.flushed = true
	c.pushLocked()
	err := f.takeAllErrors(f.errors.reported)
	c.mu.Unlock()
	if err == nil {
		err = c.fs.errands.TakeFailure(c.name())
	}
	return err
}
