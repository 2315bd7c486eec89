package cache

import (
	"context"
	"slices"
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// prediction is what a file's attributes, but for the size, are going to be when
// all that was started is carried out. It is guarded by content.mu.
type prediction struct {
	told  known.Fact[sftpconn.Attr] // by the server, when nothing was under way
	ours  sftpconn.SetAttr          // mode and owners that were set here since
	times ourTimes
}

// ourTimes are the times of a file as far as they are our doing.
type ourTimes struct {
	mtime    uint32
	set      bool // by a change of attributes; else by a write
	atime    uint32
	atimeSet bool
}

func (t *ourTimes) write(now uint32) { t.mtime, t.set = now, false }

func (t *ourTimes) change(set sftpconn.SetAttr) {
	*t = ourTimes{mtime: set.Mtime, set: true, atime: set.Atime, atimeSet: true}
}

// over returns attr with these times where they count.
func (t *ourTimes) over(attr sftpconn.Attr) sftpconn.Attr {
	if t.set || t.mtime > attr.Mtime {
		attr.Mtime = t.mtime
	}
	if t.atimeSet {
		attr.Atime = t.atime
	}
	return attr
}

// predicted returns what the server is going to say when all that was started is
// carried out, if that can be told. c.mu is held.
func (c *content) predicted() (sftpconn.Attr, bool) {
	attr := c.prediction.told.Value
	if attr.Valid != sftpconn.AttrAll || !c.size.sure || !c.prediction.told.Fresh(time.Now(), c.fs.opts.AttrTimeout) {
		return sftpconn.Attr{}, false
	}
	attr.Size = uint64(c.size.bytes)
	return known.Changed(c.prediction.times.over(attr), c.prediction.ours), true
}

// foreseen is predicted for a file that is being changed: what the server says
// is out of date. c may be nil.
func (c *content) foreseen() (sftpconn.Attr, bool) {
	if c == nil {
		return sftpconn.Attr{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue.ops) == 0 && (c.fs.errands == nil || !c.doubtful) {
		return sftpconn.Attr{}, false
	}
	return c.predicted()
}

// foresee takes in that attributes are going to be set by path, with c.mu held.
func (c *content) foresee(set sftpconn.SetAttr) {
	c.changes.all++
	c.set(set)
	c.prediction.told.Value = known.Changed(c.prediction.told.Value, set)
}

// pass is do, which changes attributes by path, for a c that has foreseen that.
func (c *content) pass(do func(context.Context, error) error) func(context.Context, error) error {
	return func(ctx context.Context, err error) error {
		defer c.passing.Add(-1)
		if err = do(ctx, err); err != nil {
			c.invalidate()
		}
		return err
	}
}

// isWritable reports whether a File is open that can be written through. c.mu is
// held.
func (c *content) isWritable() bool {
	return slices.ContainsFunc(c.files, func(f *File) bool { return f.flags&sftpconn.Write != 0 })
}

// both returns the change of mode and owners that two changes make one after the
// other.
func both(first, then sftpconn.SetAttr) sftpconn.SetAttr {
	const kept = sftpconn.AttrMode | sftpconn.AttrOwners
	all := sftpconn.SetAttr{Attr: known.Changed(first.Attr, then)}
	all.Valid = (first.Valid | then.Valid) & kept
	return all
}
