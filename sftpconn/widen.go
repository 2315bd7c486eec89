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

// awaitHandles waits while further handles are about to come and the first one
// has a window's worth to do: more would only make metadata wait.
func (f *file) awaitHandles(ctx context.Context) error {
	f.mu.Lock()
	widening := f.widening
	f.mu.Unlock()
	if widening == nil || f.flags&Write != 0 {
		return nil
	}
	return f.awaitRoom(ctx, widening, window)
}

// awaitRoom waits until the first handle's channel has at most a number of bytes
// under way, or handles is closed, since there are more.
func (f *file) awaitRoom(ctx context.Context, handles <-chan struct{}, bytes int64) error {
	const pause = 2 * time.Millisecond // nobody tells of each answer
	for f.first().ch.inFlight.Load() > bytes {
		select {
		case <-handles:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

// readHandle returns the handle for a read of n bytes, which ends with rest. A
// file that is only read leaves the metadata channel to others when it has bulk
// channels, and takes the one that has the least to do.
func (f *file) readHandle(n int) handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work()
	best := f.handles[0]
	if f.flags&Write != 0 {
		return best
	}
	for _, h := range f.handles[1:] {
		if best.ch == f.conn.meta || h.ch.load() < best.ch.load() {
			best = h
		}
	}
	f.arrive(int64(n))
	f.moved += int64(n)
	if f.moved > widenAt {
		f.widen()
	}
	return best
}

// widen starts opening the file on the bulk channels that it is not open on.
// That is tried once, until it was idle. f.mu is held.
func (f *file) widen() {
	if f.widened || f.closed {
		return
	}
	f.widened = true
	f.widening = make(chan struct{})
	before := f.handles[0].startStat(f.path)
	f.conn.goBackground(func() {
		var mu sync.Mutex
		var added []handle
		var opening sync.WaitGroup
		for _, ch := range f.conn.bulkChannels(f.conn.wantedBulk()) {
			if _, ok := f.openedOn(ch); ok {
				f.conn.letGo(ch)
				continue
			}
			opening.Go(func() {
				// Its calls end with the connection.
				h, ok := f.openOn(context.Background(), ch, before)
				if !ok {
					f.conn.letGo(ch)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				added = append(added, h)
			})
		}
		opening.Wait()
		f.addHandles(added)
	})
}

func (f *file) addHandles(added []handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.widening)
	f.widening = nil
	if f.closed {
		for _, h := range added {
			f.closeHandle(h)
		}
		return
	}
	f.handles = append(f.handles, added...)
	f.used = time.Now()
	f.conn.setWide(f, true)
	first := 0
	if len(f.handles) > 1 && f.handles[0].ch == f.conn.meta {
		first = 1 // it is left to metadata
	}
	f.spread.widen(first, len(f.handles)-first)
}

// openOn opens the file's path on ch and makes sure that it still names the same
// file. SFTP tells no inode number, so "the same" means that the attributes are
// those of before, a stat of the first handle, but for what writing changes.
func (f *file) openOn(ctx context.Context, ch *channel, before *call) (handle, bool) {
	access := f.flags & (Read | Write)
	open := ch.start("OPEN", f.path, &sshfx.OpenPacket{Filename: f.path, PFlags: uint32(access)})
	id, err := f.conn.awaitHandle(ctx, ch, open)
	if err != nil {
		return handle{}, false
	}
	h := handle{ch, id}
	attr, err := awaitAttr(ctx, h.startStat(f.path))
	if err == nil {
		var known Attr
		known, err = awaitAttr(ctx, before)
		if err == nil && f.isLike(known, attr) {
			return h, true
		}
	}
	h.close(f.path)
	return handle{}, false
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
	end := uint64(f.spread.end)
	f.mu.Unlock()
	grown := now.Mtime >= before.Mtime &&
		widenAt/4 <= before.Size && before.Size <= now.Size && now.Size <= max(before.Size, end)
	before.Size, before.Mtime = now.Size, now.Mtime
	return grown && now == before
}
