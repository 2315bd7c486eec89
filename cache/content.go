package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// content is what is known of a file while it is open or has unsent data. All
// Files that were opened by one path share it.
type content struct {
	fs *FS
	whereabouts

	passing atomic.Int64 // changes by path under way, which no answer on a File accounts for

	mu         sync.Mutex
	files      []*File // the open ones
	size       knownSize
	doubtful   bool // written since its attributes were last asked for
	changes    changes
	prediction prediction
	around     around
	queue      queue
	failure    failure
}

// knownSize is the size of a file as last told by the server or extended here.
type knownSize struct {
	bytes int64
	sure  bool   // false: it may be more
	mtime uint32 // that the server told with it
}

// changes counts what was started that changes a file.
type changes struct {
	all  uint64
	cuts uint64 // what set the size
}

func newContent(fs *FS, path string) *content {
	return &content{fs: fs, whereabouts: whereabouts{lastPath: path}, queue: queue{blank: maxOffset}}
}

func (c *content) name() string {
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	return c.lastPath
}

// isNamed reports whether c is found by a path.
func (c *content) isNamed() bool {
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	return len(c.paths) > 0
}

// leave takes one user away. What the last one leaves in doubt is asked for
// anew by whoever needs it.
func (c *content) leave() {
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	if !c.fs.opens.leave(c) {
		return
	}
	for _, path := range c.paths {
		if c.fs.names.IsDoubtful(path) {
			c.fs.names.Undoubt(path)
		}
	}
}

// doubt notes that a change was started, with c.mu held.
func (c *content) doubt() {
	c.changes.all++
	if c.doubtful {
		return
	}
	c.doubtful = true
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	for _, path := range c.paths {
		c.fs.names.Doubt(path)
	}
}

// settle takes in attributes that account for all that was started, with c.mu
// held.
func (c *content) settle(q known.Asked, attr sftpconn.Attr) {
	c.note(attr)
	if !c.doubtful {
		return
	}
	c.doubtful = false
	c.fs.mu.Lock()
	defer c.fs.mu.Unlock()
	for _, path := range c.paths {
		c.fs.names.Settle(path, q, attr)
	}
}

// note takes in what the server told of a file that is not being written, with
// c.mu held. Blocks read ahead are dropped if it has changed.
func (c *content) note(attr sftpconn.Attr) {
	if attr.Valid&(sftpconn.AttrSize|sftpconn.AttrTimes) != sftpconn.AttrSize|sftpconn.AttrTimes {
		c.size.sure = false
		c.dropBlocks(0, maxOffset)
		return
	}
	c.prediction = prediction{told: known.Fact[sftpconn.Attr]{Value: attr, Taken: time.Now()}}
	told := knownSize{int64(attr.Size), true, attr.Mtime}
	if told.bytes > c.size.bytes {
		c.queue.blank = maxOffset // somebody else has written
	}
	if told != c.size {
		c.size = told
		c.dropBlocks(0, maxOffset)
	}
}

// opened takes in that f was opened with attr, and returns what its program is
// to see of them. before is the view of c, if it was there, before the open.
func (c *content) opened(f *File, attr sftpconn.Attr, before view) sftpconn.Attr {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = append(c.files, f)
	f.errors.reported.writing = c.failure.count
	if f.flags&(sftpconn.Truncate|sftpconn.Excl) != 0 && attr.Size == 0 && before.changes == c.changes {
		c.queue.blank = 0
	}
	if f.flags&sftpconn.Truncate != 0 {
		c.changes.all++
		c.changes.cuts++
		c.note(attr)
		return attr
	}
	attr = c.overlay(attr, before)
	if c.doubtful {
		c.size.bytes = max(c.size.bytes, int64(attr.Size))
		c.dropBlocks(0, maxOffset)
	} else {
		f.opened = c.size
		c.dropUnsure(attr.Mtime)
	}
	return attr
}

// invalidate forgets what the server told.
func (c *content) invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes.all++
	c.forget()
}

// forget is invalidate with c.mu held.
func (c *content) forget() {
	bytes, sure := c.queue.size()
	c.size, c.queue.blank = knownSize{bytes: bytes, sure: sure}, maxOffset
	c.prediction = prediction{ours: c.queue.sets(), times: c.queue.times(c.fs.names.Clock.Now())}
	c.dropBlocks(0, maxOffset)
}

// extend takes in that data was written up to end, with c.mu held.
func (c *content) extend(off, end int64) {
	// A block that ends at the end of the file is no longer its last one.
	if end > c.size.bytes {
		off = min(off, c.size.bytes)
		c.size.bytes = end
		end = maxOffset
	}
	c.dropBlocks(off, end)
	c.prediction.times.write(c.fs.names.Clock.Now())
}

// set takes in that attributes are being set, with c.mu held.
func (c *content) set(set sftpconn.SetAttr) {
	c.prediction.ours = both(c.prediction.ours, set)
	if set.Valid&sftpconn.AttrTimes != 0 {
		c.prediction.times.change(set)
	}
	if set.Valid&sftpconn.AttrSize != 0 {
		c.changes.cuts++
		c.dropBlocks(min(c.size.bytes, int64(set.Size)), maxOffset)
		c.size.bytes = int64(set.Size)
		if set.Valid&sftpconn.AttrTimes == 0 {
			c.prediction.times.write(c.fs.names.Clock.Now())
		}
	}
}

// changedByPath takes in that attributes were set by path, which led to attr, or
// failed. before is the view of c before that.
func (c *content) changedByPath(set sftpconn.SetAttr, before view, attr sftpconn.Attr, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.viewLocked()
	quiet := !before.busy && !now.busy && now.changes == before.changes
	c.changes.all++
	switch {
	case err != nil:
		c.changes.cuts++ // perhaps
		c.forget()
	case set.Valid&sftpconn.AttrSize != 0:
		c.changes.cuts++
		c.forget()
		if !now.busy {
			c.note(attr)
		}
	case quiet:
		c.note(attr)
	default:
		c.foresee(set)
	}
}

func (c *content) dropBlocks(from, to int64) {
	for _, f := range c.files {
		c.fs.readBuffer.drop(f, from, to)
	}
}

// dropUnsure drops what was read of the file so soon after mtime, its time now, that
// who opens it may have to see something else: it must not get that from another File,
// nor from the kernel's pages, which are the same for all.
func (c *content) dropUnsure(mtime uint32) {
	for _, f := range c.files {
		c.fs.readBuffer.dropUnsure(f, mtime)
	}
}

func (c *content) remove(f *File) {
	if i := slices.Index(c.files, f); i >= 0 {
		c.files = slices.Delete(c.files, i, i+1)
	}
}

// view is the state of a content before its attributes are asked for.
type view struct {
	changes       changes
	busy, cutting bool
}

// view is of no use, and needs none, if c is nil.
func (c *content) view() view {
	if c == nil {
		return view{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.viewLocked()
}

func (c *content) viewLocked() view {
	return view{c.changes, len(c.queue.ops) > 0 || c.passing.Load() > 0, c.queue.cutting()}
}

// overlaid asks for the attributes of c, which may be nil, and lays over them
// what the server may not have known yet when it answered.
func (c *content) overlaid(ctx context.Context, ask func() (sftpconn.Attr, error)) (sftpconn.Attr, error) {
	if c == nil {
		return ask()
	}
	if err := c.sizeKnown(ctx); err != nil {
		return sftpconn.Attr{}, err
	}
	before := c.view()
	attr, err := ask()
	if err != nil || !attr.IsRegular() {
		return attr, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overlay(attr, before), nil
}

// sizeKnown waits for what is under way if it cannot be told where that ends.
func (c *content) sizeKnown(ctx context.Context) error {
	c.mu.Lock()
	known := c.size.sure || len(c.queue.ops) == 0
	c.mu.Unlock()
	if known {
		return nil
	}
	return c.settled(ctx)
}

// overlay is called with c.mu held.
func (c *content) overlay(attr sftpconn.Attr, before view) sftpconn.Attr {
	after := c.viewLocked()
	if !c.doubtful && after.changes == before.changes && !before.busy {
		c.note(attr)
		return attr
	}
	size := uint64(c.size.bytes)
	cut := before.cutting || after.cutting || after.changes.cuts != before.changes.cuts
	if size > attr.Size || cut && c.size.sure {
		attr.Size = size
	}
	if before.busy || after.busy || after.changes != before.changes {
		attr = known.Changed(c.prediction.times.over(attr), c.prediction.ours)
	}
	return attr
}
