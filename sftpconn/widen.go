package sftpconn

import (
	"context"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// widenAt is how much a file is read before it moves from the metadata channel
// to the bulk channels, in bytes: small files are not worth the requests.
const widenAt = 1 << 20

// readHandle returns the handle for a read of n bytes: of the handles on bulk
// channels, if there are any, the one whose channel has the least to do.
func (f *file) readHandle(n int) handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moved += int64(n)
	best := f.first
	for i, h := range f.more {
		if i == 0 || h.ch.inFlight.Load() < best.ch.inFlight.Load() {
			best = h
		}
	}
	if f.flags&Write == 0 && f.moved > widenAt && !f.widening &&
		(len(f.more) == 0 || best.ch.inFlight.Load() > busy) {
		f.widen()
	}
	return best
}

// widen starts opening the file on one more channel. f.mu is held.
func (f *file) widen() {
	ch := f.conn.unusedChannel(f.more)
	if ch == nil || f.closed {
		return
	}
	f.widening = true
	f.conn.mu.Lock()
	defer f.conn.mu.Unlock()
	if f.conn.err != nil {
		return
	}
	f.conn.background.Add(1)
	go func() {
		defer f.conn.background.Done()
		h, ok := f.openOn(ch)
		f.mu.Lock()
		defer f.mu.Unlock()
		// A path that names another file now stays that way: give up.
		f.widening = !ok
		switch {
		case !ok:
		case f.closed:
			h.close(f.path)
		default:
			f.more = append(f.more, h)
		}
	}()
}

// unusedChannel returns a bulk channel that none of handles is on. If there is
// none it asks for one more and returns nil.
func (c *Conn) unusedChannel(handles []handle) *channel {
	c.mu.Lock()
	var free *channel
search:
	for _, ch := range c.bulk {
		for _, h := range handles {
			if h.ch == ch {
				continue search
			}
		}
		free = ch
		break
	}
	c.mu.Unlock()
	if free == nil {
		c.growBulk()
	}
	return free
}

// openOn opens the file's path on ch and makes sure that it is still the same
// file. SFTP tells no inode number, so "the same" means that a stat of the new
// handle equals one of the first handle from before and one from after it.
func (f *file) openOn(ch *channel) (handle, bool) {
	ctx := context.Background() // the calls end with the connection
	before, err := f.Attr(ctx)
	if err != nil {
		return handle{}, false
	}
	open := ch.start("OPEN", f.path, &sshfx.OpenPacket{Filename: f.path, PFlags: uint32(Read)})
	id, err := f.conn.awaitHandle(ctx, ch, open)
	if err != nil {
		return handle{}, false
	}
	h := handle{ch, id}
	attr, err := awaitAttr(ctx, h.startStat(f.path))
	if err == nil {
		var after Attr
		after, err = f.Attr(ctx)
		// Reading moves the access time.
		attr.Atime, before.Atime, after.Atime = 0, 0, 0
		if err == nil && attr == before && attr == after {
			return h, true
		}
	}
	h.close(f.path)
	return handle{}, false
}
