package cache

import (
	"context"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// write queues a copy of p, with c.mu held, and returns the op that carries the
// last of it, or nil if there is nothing to write.
func (c *content) write(f *File, p []byte, off int64) *op {
	if f.flags&sftpconn.Append != 0 {
		off = c.size.bytes
	}
	if len(p) == 0 {
		return nil
	}
	c.doubt()
	c.extend(off, off+int64(len(p)))
	f.late.written = true
	f.flushed = false
	for len(p) > 0 {
		taken, grown := c.queue.merge(f, p, off)
		if taken == 0 {
			taken, grown = c.queue.start(f, p, off)
			f.queued++
		}
		c.fs.backlog.add(int64(grown))
		p, off = p[taken:], off+int64(taken)
	}
	return c.queue.newest()
}

// change queues a change of attributes, with c.mu held.
func (c *content) change(f *File, set sftpconn.SetAttr, w waiter) *op {
	c.doubt()
	c.set(set)
	o := &op{file: f, set: &set, waiter: w}
	c.queue.add(o)
	f.queued++
	c.queue.urgent = c.queue.last
	return o
}

// pump starts what can be started now. It is called with c.mu held, which it
// gives up meanwhile: one caller at a time starts requests, so that their order
// is kept.
func (c *content) pump() {
	q := &c.queue
	if q.sending {
		return
	}
	q.sending = true
	for o := q.next(); o != nil && isOpen(o.file.under); o = q.next() {
		q.sent++
		if !q.waiting && !c.awaitAcks() {
			c.abandon()
			break
		}
		c.mu.Unlock()
		if o.set != nil {
			o.request = o.file.under.SetAttr(*o.set)
		} else {
			o.request = o.file.under.Write(o.data, o.off)
		}
		close(o.started)
		c.mu.Lock()
	}
	q.sending = false
}

// push sends all that is queued without waiting for more.
func (c *content) push() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pushLocked()
}

func (c *content) pushLocked() {
	c.queue.urgent = c.queue.last
	c.pump()
}

// awaitAcks starts the goroutine that awaits acknowledgements for as long as
// there are some to come. It is a user of c. It returns false if the FS is
// closed. c.mu is held.
func (c *content) awaitAcks() bool {
	c.fs.mu.Lock()
	c.users++
	c.fs.mu.Unlock()
	c.queue.waiting = c.fs.background.spawn(c.acknowledgeAll)
	return c.queue.waiting
}

func (c *content) acknowledgeAll() {
	c.mu.Lock()
	for len(c.queue.ops) > 0 {
		o := c.queue.ops[0]
		c.mu.Unlock()
		<-o.started
		err := o.request.Wait(c.fs.background.ctx)
		c.mu.Lock()
		last := c.acknowledge(o, err)
		c.pump()
		if last || c.wantsAttr(o.file) {
			c.finish(o.file, last)
		}
	}
	c.queue.waiting = false
	c.logLoss()
	c.mu.Unlock()
	c.leave()
}

// wantsAttr reports whether the attributes are to be asked for, since the Flush of
// f did not. c.mu is held.
func (c *content) wantsAttr(f *File) bool {
	return c.fs.errands != nil && c.doubtful && len(c.queue.ops) == 0 && f.flushed
}

// finish asks for the attributes, if they are wanted, so that what was foreseen
// becomes what is known; and closes f, if that was its last op. It gives up c.mu
// meanwhile.
func (c *content) finish(f *File, last bool) {
	ask := c.wantsAttr(f)
	c.mu.Unlock()
	if ask {
		_, _ = f.attr(c.fs.background.ctx)
	}
	if last {
		f.end()
	}
	c.mu.Lock()
}

// acknowledge takes the oldest op out of the queue, with c.mu held. It reports
// whether that was the last one of a closed File.
func (c *content) acknowledge(o *op, err error) (last bool) {
	q := &c.queue
	q.ops[0] = nil
	q.ops = q.ops[1:]
	q.sent--
	n := int64(len(o.data))
	c.fs.backlog.add(-int64(cap(o.data)))
	if o.set == nil {
		q.blank = max(q.blank, o.end())
	}
	if err == nil {
		o.recycle()
		c.fs.backlog.acknowledged()
	} else {
		o.data = nil // the layers below may still hold on to it
		o.err = err
		c.failed(o, n)
	}
	close(o.done)
	o.file.queued--
	return o.file.queued == 0 && o.file.closed
}

// abandon fails all that is queued: the FS is closed. c.mu is held.
func (c *content) abandon() {
	q := &c.queue
	q.sent = len(q.ops)
	for len(q.ops) > 0 {
		close(q.ops[0].started)
		c.acknowledge(q.ops[0], errClosed)
	}
	c.logLoss()
}

// failed notes that o was not carried out, as far as is known. c.mu is held.
func (c *content) failed(o *op, bytes int64) {
	if o.waiter == nobody || c.isOver() {
		return
	}
	c.forget()
	if o.set != nil {
		if o.waiter == nextFlush {
			o.file.errors.setting.note(o.err)
			c.noteUntold(o)
		}
		return
	}
	c.noteUntold(o)
	c.failure.bytes += bytes
	c.lose(o.err, bytes)
}

// lose notes that bytes were lost, for whoever has the file open. c.mu is held.
func (c *content) lose(err error, bytes int64) {
	c.failure.note(err)
	c.failure.unseen += bytes
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	if len(c.files) == 0 || c.fs.opens.closing {
		c.giveUp()
	}
}

// giveUp takes in that nobody will be told of what was lost. c.mu and FS.mu are
// held.
func (c *content) giveUp() {
	if c.failure.unseen > 0 {
		c.fs.opens.lose(c.lastPath, c.failure.unseen)
		c.failure.unseen = 0
	}
}

// isOver reports whether nobody can miss what is written to c: with AsyncClose a
// file may be removed before all of it has been sent. One that was not made here
// may have another name. c.mu is held.
func (c *content) isOver() bool {
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	return c.fs.errands != nil && c.unlinked && c.made && len(c.files) == 0
}

// noteUntold keeps the error of o if the File is closed, or was flushed by a Flush
// that did not wait: who asks for the file next is told. c.mu is held.
func (c *content) noteUntold(o *op) {
	if c.fs.errands == nil || !o.file.closed && !o.file.flushed {
		return
	}
	c.failure.untold = o.err
	c.fs.errands.Note(c.name(), o.err)
}

// logLoss logs what was lost since the last time, with c.mu held.
func (c *content) logLoss() {
	if c.failure.bytes == 0 {
		return
	}
	c.fs.opts.Logger.Error("written data was lost",
		"path", c.name(), "bytes", c.failure.bytes, "err", c.failure.err)
	c.failure.bytes = 0
}

// settled sends all that is queued and waits until it is acknowledged.
func (c *content) settled(ctx context.Context) error {
	c.mu.Lock()
	last := c.queue.newest()
	if last != nil {
		c.pushLocked()
	}
	c.mu.Unlock()
	if last == nil {
		return nil
	}
	return c.fs.backlog.await(ctx, last.done)
}

// settleAll is settled for several contents, which are all sent before any is waited for.
func settleAll(ctx context.Context, all []*content) error {
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

// settledRange waits until all is acknowledged that was queued before and may
// change something between from and to.
func (c *content) settledRange(ctx context.Context, from, to int64) error {
	c.mu.Lock()
	o := c.queue.overlapping(from, to)
	if o != nil {
		c.queue.urgent = max(c.queue.urgent, o.seq)
		c.pump()
	}
	c.mu.Unlock()
	if o == nil {
		return nil
	}
	return c.fs.backlog.await(ctx, o.done)
}

func (c *content) unsentBytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue.bytes()
}

// changeBehind queues a change of attributes behind what is under way, if that
// goes through one File. Otherwise it returns nil.
func (c *content) changeBehind(set sftpconn.SetAttr) *op {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.queue.only()
	if f == nil {
		return nil
	}
	o := c.change(f, set, caller)
	c.pump()
	return o
}

// changeEarly queues a change of attributes behind what is under way, and
// returns what it is going to lead to, if that is sure, and if some File is open
// that has to be flushed: that tells if it fails all the same.
func (c *content) changeEarly(set sftpconn.SetAttr) (sftpconn.Attr, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.carrier()
	attr, ok := c.predicted()
	if f == nil || !ok || !attr.IsRegular() || !c.fs.sure(attr, set) {
		return attr, false
	}
	w := nextFlush
	if set.Valid == sftpconn.AttrOwners && known.KeepsOwners(attr, set) {
		w = nobody
	}
	c.change(f, set, w)
	c.pump()
	return c.predicted()
}

// carrier returns a File through which a change of attributes follows all that is
// under way, if its Flush is still to come. With AsyncClose no Flush waits, and any
// File will do. c.mu is held.
func (c *content) carrier() *File {
	f := c.queue.only()
	if last := c.queue.newest(); last != nil && c.fs.errands != nil {
		f = last.file
	}
	if len(c.queue.ops) == 0 {
		for _, open := range c.files {
			if open.flags&sftpconn.Write != 0 {
				f = open
			}
		}
	}
	if f == nil || c.fs.errands == nil && (f.closed || f.flushed) || c.passing.Load() > 0 {
		return nil // one by path comes before it
	}
	return f
}

// outcome waits for a change of attributes, and asks for them in the same round
// trip.
func (c *content) outcome(ctx context.Context, o *op) (sftpconn.Attr, error) {
	if err := c.fs.backlog.await(ctx, o.started); err != nil {
		return sftpconn.Attr{}, err
	}
	attr, attrErr := o.file.attr(ctx)
	if err := (queued{c.fs, o}).Wait(ctx); err != nil {
		return sftpconn.Attr{}, err
	}
	return attr, attrErr
}
