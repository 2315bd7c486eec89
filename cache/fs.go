package cache

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	"sftpmount/cache/internal/errand"
	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/walk"
	"sftpmount/sftpconn"
)

// FS is a file system over another one, with fewer round trips. Besides what
// [sftpconn.FS] asks for, its ReadDir returns slices that belong to the caller.
type FS struct {
	under  sftpconn.FS // for what asks; with AsyncClose, behind what was answered already
	direct sftpconn.FS // for what changes, and has waited for its turn
	opts   Options

	background *background
	backlog    *backlog
	readBuffer readBuffer
	questions  *questions
	errands    *errand.Queue // nil without AsyncClose

	mu    sync.Mutex
	names *known.Names
	opens *opens
	walks *walk.Walks
}

var _ sftpconn.FS = (*FS)(nil)

var errServerLost = fmt.Errorf("%w: the server lost data that it had acknowledged", syscall.EIO)

var errClosed = fmt.Errorf("%w: the file system is closed", syscall.EIO)

// New returns an FS over under, which it takes over: Close closes it.
func New(under sftpconn.FS, opts Options) *FS {
	opts = opts.withDefaults()
	f := &FS{
		under:      under,
		direct:     under,
		opts:       opts,
		background: newBackground(),
		backlog:    newBacklog(opts.WriteBuffer),
		readBuffer: newReadBuffer(opts.ReadBuffer),
		names:      known.New(opts.names()),
	}
	f.opens = newOpens(f.names.Moving)
	f.questions = newQuestions(f.background)
	if opts.AsyncClose {
		f.errands = errand.New(f.names.Links)
		f.under = &inOrder{under, f}
	}
	f.walks = walk.New(f.names, opts.walks(), f.discard)
	return f
}

// Invalidate forgets what was learned from the server about the file that it has
// at path: it was found changed. What was written here and not sent yet stays.
func (f *FS) Invalidate(path string) {
	f.mu.Lock()
	names := f.namesOf(path)
	for _, path := range names {
		f.names.Touch(path)
		f.names.ForgetAttr(path)
	}
	found := f.opens.atAny(names)
	f.mu.Unlock()
	for _, c := range found {
		c.invalidate()
	}
}

// Lost takes in that the server has lost bytes of the file that it has at path, and
// that it had acknowledged: whoever has that open is told, as of a write that failed.
func (f *FS) Lost(path string, bytes int64) {
	f.mu.Lock()
	found := f.opens.atAny(f.namesOf(path))
	f.mu.Unlock()
	for _, c := range found {
		c.mu.Lock()
		c.lose(errServerLost, bytes)
		c.mu.Unlock()
	}
}

// namesOf returns under which names the file may be known here that the server has
// at path: it may be about to get another name, or have got it without our knowing
// yet. f.mu is held.
func (f *FS) namesOf(path string) []string {
	names := append(f.opens.movingTo(path), path)
	if f.errands != nil {
		names = append(names, f.errands.Renamed(path)...)
	}
	return names
}

// Unsent returns the bytes per path that were written and not acknowledged, and
// those that were lost with nobody left to tell. A file that has no path any
// more is listed under its last one.
func (f *FS) Unsent() map[string]int64 {
	f.mu.Lock()
	all := f.opens.contents()
	unsent := f.opens.lostBytes()
	f.mu.Unlock()
	for _, c := range all {
		if n := c.unsentBytes(); n > 0 {
			unsent[c.name()] += n
		}
	}
	if f.errands != nil {
		for _, path := range f.errands.Unsettled() {
			unsent[path] += 0
		}
	}
	return unsent
}

// Close sends what was written, waits for at most CloseTimeout for the
// acknowledgements, and closes the FS below. What was not acknowledged then is
// in Unsent, and an error tells of it.
func (f *FS) Close() error {
	f.sendAll()
	unsent := f.Unsent()
	f.background.end()
	f.readBuffer.dropAll()
	err := f.under.Close()
	if len(unsent) > 0 {
		f.mu.Lock()
		f.opens.lost = unsent
		f.mu.Unlock()
		return fmt.Errorf("%w: data of %d files was not sent", syscall.EIO, len(unsent))
	}
	return err
}

// sendAll sends what was written, and waits for it for a while.
func (f *FS) sendAll() {
	ctx, cancel := context.WithTimeout(f.background.ctx, f.opts.CloseTimeout)
	defer cancel()
	f.mu.Lock()
	f.opens.closing = true
	all := f.opens.contents()
	f.mu.Unlock()
	_ = f.drain(ctx)
	_ = settleAll(ctx, all)
}
