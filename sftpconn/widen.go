package sftpconn

import (
	"context"
	"sync"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// widenAt is how much of a file is read, or under way to be written, when it is
// opened on the bulk channels, in bytes: small files are not worth the requests.
const widenAt = 1 << 20

// widening is the opening of a file on further channels.
type widening struct {
	begun bool          // further handles are open, being opened, or cannot be
	over  chan struct{} // closed when they are open; nil but in between
}

// awaitHandles waits while further handles are about to come and those that are there
// have a window's worth to do each: more would only make metadata wait.
func (f *file) awaitHandles(ctx context.Context) error {
	if f.flags&Write != 0 {
		return nil
	}
	return f.awaitRoom(ctx, f.leastBusy, window)
}

// awaitRoom waits until the channel of the handle that next chooses has at most a
// number of bytes under way, or all handles are there. next is called with f.mu held.
func (f *file) awaitRoom(ctx context.Context, next func() handle, bytes int64) error {
	const pause = 2 * time.Millisecond // nobody tells of each answer
	for {
		f.mu.Lock()
		widening := f.widening.over
		room := widening == nil || next().ch.load.inFlight.Load() <= bytes
		f.mu.Unlock()
		if room {
			return nil
		}
		select {
		case <-widening:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// readHandle returns the handle for a read of n bytes, which ends with rest. A
// file that is only read leaves the metadata channel to others when it has bulk
// channels, and takes the one that has the least to do.
func (f *file) readHandle(n int) handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work()
	if f.flags&Write != 0 {
		return f.handles[0]
	}
	best := f.leastBusy()
	f.arrive(int64(n))
	f.reading.moved += int64(n)
	if f.reading.moved > widenAt {
		f.widen()
	}
	return best
}

// leastBusy returns the handle with the least to do on its channel. That for metadata
// is left alone if there is another. f.mu is held.
func (f *file) leastBusy() handle {
	best := f.handles[0]
	for _, h := range f.handles[1:] {
		if best.ch == f.conn.meta || h.ch.load.total() < best.ch.load.total() {
			best = h
		}
	}
	return best
}

// widen starts opening the file on the bulk channels that it is not open on, and
// such channels as well. That is tried once, until it was idle. f.mu is held.
func (f *file) widen() {
	if f.widening.begun || f.closed {
		return
	}
	f.widening = widening{begun: true, over: make(chan struct{})}
	before := f.handles[0].startStat(f.path)
	wanted := f.conn.wantedBulk()
	if f.flags&Write == 0 {
		wanted = min(wanted, channelsFor(f.size))
	}
	channels := f.conn.bulkChannels(wanted)
	f.conn.goBackground(func() {
		var opening sync.WaitGroup
		for _, ch := range channels {
			opening.Go(func() { f.openToo(ch, before) })
		}
		opening.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		close(f.widening.over)
		f.widening.over = nil
	})
}

// openToo opens the file on ch as well, if it is not and if its path still names it.
func (f *file) openToo(ch *channel, before *call) {
	if _, ok := f.openedOn(ch); ok {
		f.conn.letGo(ch)
		return
	}
	h, ok := f.openOn(context.Background(), ch, before) // ends with the connection
	if !ok {
		f.conn.letGo(ch)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		f.closeHandle(h)
		return
	}
	f.handles = append(f.handles, h)
	f.usage.last = time.Now()
	f.conn.setWide(f, true)
	first := 0
	if f.handles[0].ch == f.conn.meta {
		first = 1 // it is left to metadata
	}
	f.changes.spread.widen(first, len(f.handles)-first)
}

// channelsFor returns how many channels it takes to move n bytes in a round trip.
func channelsFor(n int64) int { return 1 + int(n/window) }

// openOn opens the file's path on ch and makes sure that it still names the same
// file. SFTP tells no inode number, so "the same" means that the attributes are
// those of before, a stat of the first handle, but for what writing changes.
func (f *file) openOn(ctx context.Context, ch *channel, before *call) (handle, bool) {
	if f.flags&Write != 0 { // else the server may take them in before what was written
		_ = before.wait(ctx)
	}
	access := f.flags & (Read | Write)
	open := ch.start("OPEN", f.path, &sshfx.OpenPacket{Filename: f.path, PFlags: uint32(access)})
	stat := ch.start("STAT", f.path, &sshfx.StatPacket{Path: f.path})
	h, err := awaitHandle(ctx, open)
	if err != nil {
		return handle{}, false
	}
	known, err := awaitAttr(ctx, before)
	if err == nil && (f.isStill(ctx, known, stat) || f.isStill(ctx, known, h.startStat(f.path))) {
		return h, true
	}
	h.close(f.path)
	return handle{}, false
}

// isStill reports whether now, another stat, tells of the open file, see isLike.
func (f *file) isStill(ctx context.Context, before Attr, now *call) bool {
	attr, err := awaitAttr(ctx, now)
	return err == nil && f.isLike(before, attr)
}

// isLike reports whether a file with the attributes now can be the open file,
// which had those of before. A file that is empty or short, as a new one in the
// place of the old would be, is not believed.
func (f *file) isLike(before, now Attr) bool {
	before.Atime, now.Atime = 0, 0
	if f.flags&Write == 0 {
		return now == before
	}
	f.mu.Lock()
	end := uint64(f.changes.spread.end)
	f.mu.Unlock()
	grown := now.Mtime >= before.Mtime &&
		widenAt/4 <= before.Size && before.Size <= now.Size && now.Size <= max(before.Size, end)
	before.Size, before.Mtime = now.Size, now.Mtime
	return grown && now == before
}
