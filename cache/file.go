package cache

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	"sftpmount/sftpconn"
)

// File is an open file of an FS.
type File struct {
	content *content
	under   sftpconn.File
	flags   sftpconn.OpenFlags

	ctx     context.Context // of reading ahead; ends with Close
	cancel  context.CancelFunc
	fetches sync.WaitGroup // reading ahead; none is added once closed

	// Guarded by content.mu.
	closed   bool
	flushed  bool     // and not written to since: it may never be flushed again
	queued   int      // ops of content.queue that go through this File
	written  int64    // bytes ever written through it
	setting  failure  // of changes of attributes through it
	reported reported // what was returned here
	streams  streams
	late     lateness
}

var _ sftpconn.File = (*File)(nil)

var errFileClosed = fmt.Errorf("%w: the file was closed", syscall.EBADF)

// Open implements [sftpconn.FS]. A file that is to be read only may have been
// opened ahead.
func (f *FS) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	async, err := f.canQueue(ctx)
	if err == nil {
		err = f.errands.takeFailure(path)
	}
	if err != nil {
		return nil, sftpconn.Attr{}, err
	}
	if async {
		if file, attr := f.openBehind(ctx, path, flags, mode); file != nil {
			return file, attr, nil
		}
	}
	if flags == sftpconn.Read {
		if e := f.openedEarly(ctx, path); e != nil {
			return e.file, e.attr, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, sftpconn.Attr{}, err
		}
	}
	file, attr, err := f.open(ctx, path, flags, mode)
	if err != nil {
		return nil, attr, err
	}
	return file, attr, nil
}

// maxOpens is how often a file is opened whose name is moved each time.
const maxOpens = 4

// open opens a file. If its name was moved meanwhile, nobody knows which file was
// opened, and what is written to it would not be seen by its name: it is opened
// anew, unless that could change it again.
func (f *FS) open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (*File, sftpconn.Attr, error) {
	for tries := 1; ; tries++ {
		file, attr, err := f.openOnce(ctx, path, flags, mode)
		if err != nil || flags&changing != 0 || tries == maxOpens || file.content.isNamed() {
			return file, attr, err
		}
		_ = file.Close(ctx)
	}
}

func (f *FS) openOnce(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (*File, sftpconn.Attr, error) {
	open := f.under.Open
	if flags&changing != 0 {
		end, err := f.turn(ctx, "open", path)
		if err != nil {
			return nil, sftpconn.Attr{}, err
		}
		defer end()
		open = f.direct.Open
	}
	o := f.beginOpen(path)
	if flags == sftpconn.Read {
		ctx = sftpconn.Sized(ctx, o.size)
	}
	if o.content != nil {
		defer o.content.leave()
		if flags&sftpconn.Truncate != 0 {
			// What was written before must not arrive after.
			if err := o.content.settled(ctx); err != nil {
				return nil, sftpconn.Attr{}, err
			}
		}
		o.before = o.content.view()
	}
	under, attr, err := open(ctx, path, flags, mode)
	if err != nil {
		f.openFailed(path, flags)
		return nil, attr, err
	}
	file := f.newFile(under, flags)
	f.mu.Lock()
	f.enter(ctx, file, o, attr)
	f.mu.Unlock()
	return file, file.content.opened(file, attr, o.before), nil
}

func (f *FS) newFile(under sftpconn.File, flags sftpconn.OpenFlags) *File {
	file := &File{under: under, flags: flags, flushed: flags&sftpconn.Write == 0}
	file.ctx, file.cancel = context.WithCancel(f.ctx)
	return file
}

// opening is the state before an open.
type opening struct {
	path    string
	asked   asked
	moved   uint64   // generation of opens.moved
	size    int64    // that it is thought to have
	content *content // at path, or nil: kept meanwhile, since it knows what is under way
	before  view     // of content
}

func (f *FS) beginOpen(path string) *opening {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := &opening{path: path, asked: f.names.asking(), moved: f.opens.moved.now, content: f.opens.at(path)}
	if o.content != nil {
		o.content.users++
	}
	if attr, v := f.names.stat(path); v == present {
		o.size = int64(attr.Size)
	}
	return o
}

const changing = sftpconn.Create | sftpconn.Truncate

func (f *FS) openFailed(path string, flags sftpconn.OpenFlags) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flags&changing != 0 {
		f.names.unsure(path)
		return
	}
	f.names.gens.touch(path)
	f.names.forgetAttr(path)
}

// enter gives file its content and takes in the attributes that came with the
// open. f.mu is held.
func (f *FS) enter(ctx context.Context, file *File, o *opening, attr sftpconn.Attr) {
	if file.flags&sftpconn.Excl != 0 && f.opens.at(o.path) != nil {
		f.opens.detach(o.path) // the file that was there is another one
		f.names.undoubt(o.path)
	}
	file.content = f.opens.enter(f, o.path, o.moved)
	if file.content != o.content {
		o.before = view{}
	}
	named := f.opens.at(o.path) == file.content
	switch {
	case !named:
		f.names.unsure(o.path)
	case file.flags&changing == 0:
		f.names.learnStat(o.path, o.asked, attr, nil)
	case file.flags&sftpconn.Create == 0:
		f.names.followed(o.path, o.asked, attr)
	default:
		_, v := f.names.lookup(o.path)
		isNew := file.flags&sftpconn.Excl != 0 || v == absent && attr.Size == 0
		if isNew && !file.late.made { // whose attributes are a guess
			f.learnNew(ctx, o.path, attr)
		}
		file.content.made = file.content.made || isNew
		f.names.made(o.path, o.asked, attr)
	}
	if named {
		f.opens.attachAll(file.content, f.names.links.others(o.path))
	}
}

// sure reports whether the server is bound to change a file as set says.
func (f *FS) sure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isSure(attr, set)
}

// isSure is sure with f.mu held.
func (f *FS) isSure(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	return f.maker.sure(attr, set) || f.errands != nil && f.mayGive(attr, set)
}

// Write implements [sftpconn.File]. The Pending is done as soon as p was copied
// and the budget of the mount has room. An error of an earlier write through
// any File of this path is returned in place of writing, if it was not returned
// through this File before.
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
	before := f.reported
	if f.flags&sftpconn.Write == 0 && f.queued == 0 {
		defer c.mu.Unlock()
		return f.takeAllErrors(before)
	}
	c.pushLocked()
	f.flushed = true
	var asked <-chan struct{}
	if c.doubtful && f.inOrder() {
		asked = f.askBehind()
	}
	c.mu.Unlock()
	if err := c.settled(ctx); err != nil {
		return err
	}
	if asked != nil {
		_ = c.fs.progress.await(ctx, asked)
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
		_, _ = f.attr(f.content.fs.ctx)
	}
	if !f.content.fs.spawn(ask) {
		close(done)
	}
	return done
}

// inOrder reports whether a request for attributes that is started now through f
// follows all that is queued, with content.mu held.
func (f *File) inOrder() bool {
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
			if attr, v := c.fs.names.stat(c.paths[0]); v == present {
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
	before, exact := c.viewLocked(), f.inOrder()
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
	inOrder := f.inOrder()
	c.mu.Unlock()
	var synced error
	var early sync.WaitGroup
	if inOrder { // in the round trip of what is written
		early.Go(func() { synced = f.under.Sync(ctx) })
	}
	err := f.flush(ctx)
	early.Wait()
	if err != nil {
		return err
	}
	if err := c.fs.errands.takeFailure(c.name()); err != nil {
		return err
	}
	if !inOrder {
		synced = f.under.Sync(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if told := f.takeAllErrors(f.reported); synced == nil {
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
	if f.streams.begun && !f.streams.through && c.size.bytes > smallFile {
		c.fs.sawReading(false)
	}
	f.pinTime()
	idle := f.queued == 0
	if !idle {
		c.pushLocked()
	}
	c.mu.Unlock()
	f.cancel()
	f.fetches.Wait()
	c.fs.blocks.drop(f, 0, maxOffset)
	var err error
	if idle {
		err = f.under.Close(ctx)
	}
	c.leave()
	return err
}

// reported is how many failures were returned through a File: of the content's
// writes, and of its own changes of attributes.
type reported struct{ writing, setting uint64 }

// takeError returns an error that was not returned here before, with content.mu
// held. before is what had been when the caller began: what somebody else, such
// as another process with the same open file, is told meanwhile concerns the
// caller as well.
func (f *File) takeError(before reported) error {
	writing := &f.content.failure
	switch {
	case before.writing < writing.count:
		f.reported.writing = writing.count
		return writing.err
	case before.setting < f.setting.count:
		f.reported.setting = f.setting.count
		return f.setting.err
	}
	return nil
}

// takeAllErrors is takeError for those who ask what became of all that was written
// before.
func (f *File) takeAllErrors(before reported) error {
	f.content.failure.unseen = 0
	return f.takeError(before)
}

// takeWriteError is takeError for those who begin to write now, and are not told
// of changes of attributes.
func (f *File) takeWriteError() error {
	before := f.reported
	before.setting = f.setting.count
	return f.takeError(before)
}
