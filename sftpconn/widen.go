package sftpconn

import (
	"context"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// widenAt is how much of a file is read or written before it is opened on
// further channels, in bytes: small files are not worth the requests.
const widenAt = 1 << 20

// readHandle returns the handle for a read of n bytes. A file that is only read
// leaves the metadata channel to others when it has bulk channels, and takes
// the one that has the least to do.
func (f *file) readHandle(n int) handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	best := f.handles[0]
	if f.flags&Write != 0 {
		return best
	}
	f.moved += int64(n)
	for i, h := range f.handles[1:] {
		if i == 0 || h.ch.inFlight.Load() < best.ch.inFlight.Load() {
			best = h
		}
	}
	if f.moved > widenAt && (len(f.handles) == 1 || best.ch.inFlight.Load() > busy) {
		f.widen()
	}
	return best
}

// widen starts opening the file on further channels, as many as it is open on:
// what keeps one channel busy on a far link will soon do so to the next. f.mu
// is held.
func (f *file) widen() {
	if f.widening || f.closed {
		return
	}
	channels := f.conn.unusedChannels(f.handles)
	if len(channels) == 0 {
		return
	}
	f.widening = true
	f.conn.goBackground(func() {
		var added []handle
		for _, ch := range channels {
			if h, ok := f.openOn(ch); ok {
				added = append(added, h)
			}
		}
		f.addHandles(added)
	})
}

func (f *file) addHandles(added []handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		for _, h := range added {
			h.close(f.path)
		}
		return
	}
	if len(added) == 0 {
		return // widening stays set: the path names another file now
	}
	f.handles = append(f.handles, added...)
	f.spread.widen(len(f.handles))
	f.widening = false
}

// unusedChannels returns bulk channels that none of handles is on, at most as
// many as there are handles. If there are fewer it asks for more of them.
func (c *Conn) unusedChannels(handles []handle) []*channel {
	used := make(map[*channel]bool, len(handles))
	for _, h := range handles {
		used[h.ch] = true
	}
	var free []*channel
	c.mu.Lock()
	for _, ch := range c.bulk {
		if !used[ch] && len(free) < len(handles) {
			free = append(free, ch)
		}
	}
	c.mu.Unlock()
	if len(free) < len(handles) {
		c.growBulk()
	}
	return free
}

// openOn opens the file's path on ch and makes sure that it is still the same
// file. SFTP tells no inode number, so "the same" means that the new handle's
// attributes lie between those of the first handle before and after it.
func (f *file) openOn(ch *channel) (handle, bool) {
	ctx := context.Background() // the calls end with the connection
	first := f.first()
	before, err := awaitAttr(ctx, first.startStat(f.path))
	if err != nil {
		return handle{}, false
	}
	access := f.flags & (Read | Write)
	open := ch.start("OPEN", f.path, &sshfx.OpenPacket{Filename: f.path, PFlags: uint32(access)})
	id, err := f.conn.awaitHandle(ctx, ch, open)
	if err != nil {
		return handle{}, false
	}
	h := handle{ch, id}
	attr, err := awaitAttr(ctx, h.startStat(f.path))
	if err == nil {
		var after Attr
		after, err = awaitAttr(ctx, first.startStat(f.path))
		if err == nil && between(attr, before, after) {
			return h, true
		}
	}
	h.close(f.path)
	return handle{}, false
}

// between reports whether attr can be that of a file which looked like before
// and after: its size and time of modification may change while it is written.
func between(attr, before, after Attr) bool {
	const whole = AttrSize | AttrMode | AttrTimes
	return attr.Valid&whole == whole && attr.Valid == before.Valid && attr.Valid == after.Valid &&
		attr.Mode == before.Mode && attr.Mode == after.Mode &&
		attr.UID == before.UID && attr.UID == after.UID &&
		attr.GID == before.GID && attr.GID == after.GID &&
		min(before.Size, after.Size) <= attr.Size && attr.Size <= max(before.Size, after.Size) &&
		min(before.Mtime, after.Mtime) <= attr.Mtime && attr.Mtime <= max(before.Mtime, after.Mtime) &&
		attr.Size > 0
}
