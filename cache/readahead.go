package cache

import (
	"context"
	"errors"
	"io"
	"sync"

	"sftpmount/cache/internal/blocks"
	"sftpmount/sftpconn"
)

// readingAhead is what a File has under way ahead of its reads. It ends with Close.
type readingAhead struct {
	ctx     context.Context
	cancel  context.CancelFunc
	fetches sync.WaitGroup // none is added once the File is closed
}

func (r *readingAhead) begin(ctx context.Context) { r.ctx, r.cancel = context.WithCancel(ctx) }

func (r *readingAhead) end() {
	r.cancel()
	r.fetches.Wait()
}

// ReadAt implements [sftpconn.File]. It sees all that was written before,
// through whatever File of the path.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	c := f.content
	if n := c.unacknowledged(p, off); n == len(p) {
		return n, nil
	} else if n > 0 {
		return n, io.EOF
	}
	if err := c.settledRange(ctx, off, off+int64(len(p))); err != nil {
		return 0, err
	}
	behind := c.writesBehind(off)
	n, err := f.read(ctx, p, off)
	if behind == nil || !errors.Is(err, io.EOF) {
		return n, err
	}
	// The server did not know yet that the file goes on: there is a hole.
	if err := c.fs.backlog.await(ctx, behind.done); err != nil {
		return n, err
	}
	m, err := f.under.ReadAt(ctx, p[n:], off+int64(n))
	return n + m, err
}

// unacknowledged copies to p what is at off, up to the end of the file, if all of
// that was written here and is on its way: assemblers and linkers read what they
// have just written. It returns how much that was, 0 if the server is to be asked.
func (c *content) unacknowledged(p []byte, off int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.passing.Load() > 0 {
		return 0
	}
	if c.size.sure {
		p = p[:max(0, min(int64(len(p)), c.size.bytes-off))]
	}
	if len(c.queue.ops) == 0 || !c.queue.copyTo(p, off) {
		return 0
	}
	return len(p)
}

// writesBehind makes what is queued for anywhere behind off sent, and returns
// the newest of it.
func (c *content) writesBehind(off int64) *op {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.queue.overlapping(off, maxOffset)
	if o != nil {
		c.queue.urgent = max(c.queue.urgent, o.seq)
		c.pump()
	}
	return o
}

// read copies from the blocks that were read ahead, as far as there are any,
// and asks for the rest.
func (f *File) read(ctx context.Context, p []byte, off int64) (int, error) {
	size := f.readAhead(off, off+int64(len(p)))
	n := 0
	for n < len(p) {
		at := off + int64(n)
		part := p[n:]
		b := f.content.fs.readBuffer.ahead.Get(f, at/blocks.Size)
		if b == nil {
			b = f.fetchedAround(at / blocks.Size)
		}
		if b == nil {
			m, err := f.readThrough(ctx, part, at, size)
			return n + m, err
		}
		part = part[:min(len(part), int(blocks.Size-at%blocks.Size))]
		m, err := f.readBlock(ctx, b, part, at)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readBlock copies from b, which it releases, once it was read. A block that
// could not be read says nothing: the reader asks for itself, and so it does
// when it was interrupted.
func (f *File) readBlock(ctx context.Context, b *block, p []byte, at int64) (int, error) {
	select {
	case <-b.Done:
	default:
		select {
		case <-b.Done:
		case <-ctx.Done():
			b.Release(0, false)
			return 0, ctx.Err()
		case <-sftpconn.Interrupt(ctx):
			b.Release(0, false)
			return f.under.ReadAt(ctx, p, at)
		}
	}
	if b.Err != nil && !errors.Is(b.Err, io.EOF) {
		b.Release(0, true)
		return f.under.ReadAt(ctx, p, at)
	}
	n := 0
	if begin := int(at % blocks.Size); begin < b.N {
		n = copy(p, b.Data[begin:b.N])
	}
	b.Release(n, true)
	switch {
	case n == len(p):
		return n, nil
	case errors.Is(b.Err, io.EOF):
		return n, io.EOF
	}
	m, err := f.under.ReadAt(ctx, p[n:], at+int64(n)) // the file has grown
	return n + m, err
}

// readAhead notes a read between off and end, and starts reading what it and
// those after it are going to need. It returns the size of the file, as far as
// it is known.
func (f *File) readAhead(off, end int64) (size int64) {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	size = c.size.bytes
	known, exact, pushedOut := f.streams.find(off, end, c.around.slack(end-off))
	if pushedOut.ahead > pushedOut.next {
		c.fs.readBuffer.ahead.Drop(f, pushedOut.next, pushedOut.ahead)
	}
	s := &f.streams.recent
	small := off > 0 && end-off <= scattered
	stray := small && !exact
	var to, boldTo int64
	switch {
	case c.fs.opts.NoReadAhead || f.closed || !c.size.sure || off >= size:
		return size
	case size <= blocks.SmallFile && !f.streams.begun:
		f.fetchBlocks(0, off, size, false)
		to = size
	case small && f.isSpared(off/blocks.Size):
		return size
	case known || off == 0:
		limit := min(c.fs.opts.ReadAhead, c.fs.readBuffer.ahead.Share(f))
		to = min(size, s.next+s.window(limit))
		boldTo = min(size, s.next+s.boldWindow(limit))
	case stray:
		f.readAround(off / blocks.Size)
		return size
	default:
		return size
	}
	f.streams.begun = true
	if end >= size && size > blocks.SmallFile && !f.streams.through {
		f.streams.through = true
		c.fs.sawReading(true)
	}
	// What is needed now comes first; the rest is there up to s.ahead. Stray reads can
	// look like a stream by chance.
	f.fetchBlocks(off, min(end, to), size, stray)
	s.ahead = max(s.ahead, f.fetchBlocks(max(end, s.ahead), to, size, stray))
	if s.ahead >= to {
		s.ahead = max(s.ahead, f.fetchBlocks(s.ahead, boldTo, size, true))
	}
	return size
}

// readStart starts reading the first n bytes, if the file has as many: boldly where
// that is more than a small file has.
func (f *File) readStart(n int64) {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.closed || !c.size.sure {
		return
	}
	n = min(n, c.size.bytes)
	f.fetchBlocks(0, min(n, blocks.SmallFile), c.size.bytes, false)
	f.fetchBlocks(blocks.SmallFile, n, c.size.bytes, true)
}

// readPromptly starts reading a file that was just opened and has one block: what came
// with its OPEN will do, if nothing was changed here since before that.
func (f *File) readPromptly(before view, boldly bool) {
	c := f.content
	c.mu.Lock()
	defer c.mu.Unlock()
	now, size := c.viewLocked(), c.size.bytes
	changed := before.busy || now.busy || now.changes != before.changes
	if !changed && c.size.sure && size > 0 && size <= blocks.Size {
		bold := size
		if !boldly {
			bold = 0
		}
		f.fetchBlock(sftpconn.Prompt(f.ahead.ctx), c.fs.readBuffer.ahead, 0, size, bold)
	}
}

// fetchBlocks starts reading the blocks that hold anything between from and to,
// and returns up to where it got. content.mu is held.
func (f *File) fetchBlocks(from, to, size int64, boldly bool) int64 {
	c := f.content
	for at := from - from%blocks.Size; at < to; at += blocks.Size {
		if c.queue.overlapping(at, maxOffset) != nil {
			return at // the server may not know yet that the file goes on there
		}
		var bold int64
		if boldly {
			bold = min(blocks.Size, size-at)
		}
		if !f.fetchBlock(f.ahead.ctx, c.fs.readBuffer.ahead, at, size, bold) {
			return at
		}
	}
	return to
}

// fetchBlock starts reading the block at at into all, if it is not there, and reports
// whether there was room for it. content.mu is held.
func (f *File) fetchBlock(ctx context.Context, all *blockStore, at, size, bold int64) bool {
	b, room := all.Add(f, at/blocks.Size, size-at, bold)
	if b == nil {
		return room
	}
	f.ahead.fetches.Add(1)
	fetch := func() {
		defer f.ahead.fetches.Done()
		b.Filled(f.readThrough(ctx, b.Data, at, size))
	}
	if !f.content.fs.background.spawn(fetch) {
		b.Abandoned(errClosed)
		f.ahead.fetches.Done()
		return false
	}
	return true
}

// readThrough reads from the server. Where the file is thought to end within p,
// what may be behind that is asked for at the same time: to see the end costs
// no further round trip, and a file that has grown is read on.
func (f *File) readThrough(ctx context.Context, p []byte, off, size int64) (int, error) {
	cut := size - off
	if cut <= 0 || cut >= int64(len(p)) {
		return f.under.ReadAt(ctx, p, off)
	}
	var behind int
	var behindErr error
	var wg sync.WaitGroup
	wg.Go(func() { behind, behindErr = f.under.ReadAt(ctx, p[cut:], size) })
	n, err := f.under.ReadAt(ctx, p[:cut], off)
	wg.Wait()
	if err != nil {
		return n, err
	}
	return n + behind, behindErr
}
