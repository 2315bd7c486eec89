package sftpconn

import (
	"errors"
	"maps"
	"slices"
	"time"
)

var errIdle = errors.New("closed, as nothing used it")

// tidy closes what has not been used for a while, until one bulk channel is left.
func (c *Conn) tidy() {
	ticker := time.NewTicker(c.opts.ChannelIdle / 2)
	defer ticker.Stop()
	for {
		select {
		case <-c.ending:
			return
		case <-ticker.C:
		}
		c.mu.Lock()
		wide := slices.Collect(maps.Keys(c.bulk.wide))
		c.mu.Unlock()
		for _, f := range wide {
			f.narrow(time.Now().Add(-c.opts.ChannelIdle))
		}
		if c.closeIdle(time.Now().Add(-c.opts.ChannelIdle)) {
			return
		}
	}
}

// closeIdle closes the bulk channels but the first that no file has been open on
// since a time. It reports whether there is nothing left to do.
func (c *Conn) closeIdle(since time.Time) (done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &c.bulk
	for _, ch := range slices.Clone(b.open) {
		u := b.uses[ch]
		if ch != b.open[0] && u.handles == 0 && u.since.Before(since) && ch.isIdle() {
			b.open = slices.DeleteFunc(b.open, func(other *channel) bool { return other == ch })
			delete(b.uses, ch)
			b.closing++ // until watch sees its end
			ch.fail(errIdle)
		}
	}
	b.tidying = len(b.open) > 1
	return !b.tidying
}

// isIdle reports whether nothing is under way.
func (ch *channel) isIdle() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return len(ch.calls.byID) == 0
}

// narrow closes all but the first handle of a file that nothing was done with
// since a time.
func (f *file) narrow(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes.forgetSucceeded()
	if f.closed || f.widening.over != nil || len(f.changes.unacked) > 0 || f.usage.busy > 0 || f.usage.last.After(since) {
		return
	}
	for _, h := range f.handles[1:] {
		f.closeHandle(h)
	}
	f.handles = f.handles[:1:1]
	f.widening.begun, f.reading.moved = false, 0
	f.changes.spread.narrow()
	f.conn.setWide(f, false)
}

// setWide notes whether a file is open on several channels.
func (c *Conn) setWide(f *file, wide bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wide {
		c.bulk.wide[f] = struct{}{}
	} else {
		delete(c.bulk.wide, f)
	}
}
