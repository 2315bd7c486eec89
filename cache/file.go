package cache

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// File is an open file of an FS.
type File struct {
	content *content
	under   sftpconn.File
	flags   sftpconn.OpenFlags

	ahead readingAhead

	// Guarded by content.mu.
	closed  bool
	opened  knownSize // of the file then; not sure if that was being written
	flushed bool      // and not written to since: it may never be flushed again
	queued  int       // ops of content.queue that go through this File
	errors  fileErrors
	streams streams
	late    lateness
}

var _ sftpconn.File = (*File)(nil)

var errFileClosed = fmt.Errorf("%w: the file was closed", syscall.EBADF)

// Write implements [sftpconn.File]. It copies p; the Pending is done as soon as the
// budget of the mount has room. An error of an earlier write through any File of this
// path is returned in place of writing, if it was not returned through this File
// before.
func (f *File) Write(p []byte, off int64) sftpconn.Pending {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.closed {
		return failed{errFileClosed}
	}
	if c.fs.opts.SyncWrites {
		o := c.write(f, p, off)
		if o == nil {
			return failed{nil}
		}
		c.pushLocked()
		return queued{c.fs, o}
	}
	if err := f.takeWriteError(); err != nil {
		return failed{err}
	}
	c.write(f, p, off)
	c.pump()
	return buffered{c.fs, f.flags&sftpconn.Append != 0}
}

// SetAttr implements [sftpconn.File].
func (f *File) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.closed {
		return failed{errFileClosed}
	}
	o := c.change(f, set, nextFlush)
	c.pump()
	return queued{c.fs, o}
}

// Flush implements [sftpconn.File]. Through a File that is open for writing it
// waits for what was written through any File of the path, and returns the
// error of a write that was not returned through this File before. It asks for
// the attributes as well, in the same round trip: the next to need them knows.
// With AsyncClose it only sees to it that all is sent.
func (f *File) Flush(ctx context.Context) error {
	if f.content.fs.errands != nil {
		return f.flushBehind()
	}
	return f.flush(ctx)
}

func (f *File) flush(ctx context.Context) error {
	c := f.content
	c.mu.Lock()
	before := f.errors.reported
	if f.flags&sftpconn.Write == 0 && f.queued == 0 {
		defer c.mu.Unlock()
		return f.takeAllErrors(before)
	}
	c.pushLocked()
	f.flushed = true
	var asked <-chan struct{}
	if c.doubtful && f.isBehindAll() {
		asked = f.askBehind()
	}
	c.mu.Unlock()
	if err := c.settled(ctx); err != nil {
		return err
	}
	if asked != nil {
		_ = c.fs.backlog.await(ctx, asked)
	}
	c.mu.Lock()
	doubtful := c.doubtful
	c.mu.Unlock()
	if doubtful {
		_, _ = f.attr(ctx) // who needs them asks again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.takeAllErrors(before)
}

// askBehind asks for the attributes, behind all that was sent. It returns a channel
// that is closed when they have come, or will not. c.mu is held.
func (f *File) askBehind() <-chan struct{} {
	done := make(chan struct{})
	ask := func() {
		defer close(done)
		_, _ = f.attr(f.content.fs.background.ctx)
	}
	if !f.content.fs.background.spawn(ask) {
		close(done)
	}
	return done
}

// isBehindAll reports whether a request for attributes that is started now through f
// follows all that is queued, with content.mu held.
func (f *File) isBehindAll() bool {
	q := &f.content.queue
	if f.content.passing.Load() > 0 {
		return false
	}
	if len(q.ops) == 0 {
		return true
	}
	return !q.sending && q.sent == len(q.ops) && q.only() == f
}

// accountsFor reports whether attr, which was asked for in order, tells of all
// writes that were under way before. c.mu is held.
func (c *content) accountsFor(attr sftpconn.Attr, before view) bool {
	return c.changes == before.changes && (!before.busy || c.size.sure && int64(attr.Size) == c.size.bytes)
}

// Attr implements [sftpconn.File].
func (f *File) Attr(ctx context.Context) (sftpconn.Attr, error) {
	c := f.content
	c.mu.Lock()
	if c.doubtful {
		c.pushLocked()
	}
	doubtful := c.doubtful
	c.mu.Unlock()
	if attr, ok := c.foreseen(); ok {
		return attr, nil
	}
	if !doubtful {
		c.fs.mu.Lock()
		if len(c.paths) > 0 {
			if attr, v := c.fs.names.Stat(c.paths[0]); v == known.Present {
				c.fs.mu.Unlock()
				return attr, nil
			}
		}
		c.fs.mu.Unlock()
	}
	return f.attr(ctx)
}

// attr asks for the attributes. If they account for all that was started, they
// are remembered.
func (f *File) attr(ctx context.Context) (sftpconn.Attr, error) {
	c := f.content
	if err := c.sizeKnown(ctx); err != nil {
		return sftpconn.Attr{}, err
	}
	c.mu.Lock()
	before, exact := c.viewLocked(), f.isBehindAll()
	c.mu.Unlock()
	q := c.fs.asking()
	attr, err := f.under.Attr(ctx)
	if err != nil {
		return attr, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if exact && c.accountsFor(attr, before) {
		c.settle(q, attr)
		return attr, nil
	}
	return c.overlay(attr, before), nil
}

// Sync implements [sftpconn.File].
func (f *File) Sync(ctx context.Context) error {
	if err := f.content.fs.drain(ctx); err != nil {
		return err
	}
	c := f.content
	c.mu.Lock()
	c.pushLocked()
	behind := f.isBehindAll()
	c.mu.Unlock()
	var synced error
	var early sync.WaitGroup
	if behind { // in the round trip of what is written
		early.Go(func() { synced = f.under.Sync(ctx) })
	}
	err := f.flush(ctx)
	early.Wait()
	if err != nil {
		return err
	}
	if err := c.fs.errands.TakeFailure(c.name()); err != nil {
		return err
	}
	if !behind {
		synced = f.under.Sync(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if told := f.takeAllErrors(f.errors.reported); synced == nil {
		synced = told // as of data that the server turned out to have lost
	}
	return synced
}

// Close implements [sftpconn.File]. What was written and not flushed is sent
// all the same.
func (f *File) Close(ctx context.Context) error {
	c := f.content
	c.mu.Lock()
	if f.closed {
		c.mu.Unlock()
		return errFileClosed
	}
	f.closed, f.flushed = true, true
	c.remove(f)
	if len(c.files) == 0 {
		c.fs.mu.Lock()
		c.giveUp()
		c.fs.mu.Unlock()
	}
	if f.streams.begun && !f.streams.through && c.size.bytes > blocks.SmallFile {
		c.fs.sawReading(false)
	}
	f.pinTime()
	idle := f.queued == 0
	if !idle {
		c.pushLocked()
	}
	c.mu.Unlock()
	f.ahead.end()
	c.fs.readBuffer.drop(f, 0, maxOffset)
	var err error
	if idle {
		err = f.under.Close(ctx)
	}
	c.leave()
	return err
}
