package cache

import (
	"time"

	"sftpmount/cache/internal/known"
)

const sweepEvery = 500 * time.Millisecond

// watched returns what is to be fetched, and sees to it that what nobody uses of it is
// taken away. f.mu is held.
func (f *FS) watched(requests []request) []request {
	if f.walks.needsSweep() {
		f.background.spawn(f.sweep)
	}
	return requests
}

// fetch starts requests, if the FS is not closed.
func (f *FS) fetch(requests []request) {
	for _, r := range requests {
		f.background.spawn(func() {
			switch {
			case r.again != nil:
				f.refreshAhead(r.step, r.again)
			case r.kind == known.Folder:
				f.fetchListing(r.step)
			case r.kind == known.Link:
				f.fetchLink(r.step)
			case r.kind == known.File:
				f.openEarly(r.step)
			}
		})
	}
}

func (f *FS) fetchListing(s *step) {
	f.mu.Lock()
	q := f.question(s.path)
	f.mu.Unlock()
	_, err := f.list(f.background.ctx, s.path, q, true)
	f.mu.Lock()
	ahead := f.watched(f.walks.listingCame(s, err == nil))
	f.mu.Unlock()
	f.fetch(ahead)
}

func (f *FS) fetchLink(s *step) {
	_, err := f.readlink(f.background.ctx, s.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.linkCame(s, err == nil)
}

// sweep takes away what was fetched and not used. It ends when no program goes
// through a tree any more.
func (f *FS) sweep() {
	timer := time.NewTicker(sweepEvery)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-f.background.ctx.Done():
			return
		}
		f.mu.Lock()
		more := f.walks.sweep(time.Now())
		f.mu.Unlock()
		if !more {
			return
		}
	}
}
