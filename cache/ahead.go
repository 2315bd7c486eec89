package cache

import (
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/walk"
)

const sweepEvery = 500 * time.Millisecond

// fetch starts requests, if the FS is not closed, and sees to it that what nobody uses of
// that is taken away. f.mu is held, and must be let go of if walks panic: the mount lives
// on then (see docs/design.md).
func (f *FS) fetch(requests []walk.Request) {
	if f.walks.NeedsSweep() {
		f.background.spawn(f.sweep)
	}
	for _, r := range requests {
		f.background.spawn(func() {
			switch {
			case r.Again != nil:
				f.refreshAhead(r.Step, r.Again)
			case r.Kind == known.Folder:
				f.fetchListing(r.Step)
			case r.Kind == known.Link:
				f.fetchLink(r.Step)
			case r.Kind == known.File:
				f.openEarly(r.Step)
			}
		})
	}
}

func (f *FS) fetchListing(s *walk.Step) {
	f.mu.Lock()
	q := f.question(s.Path)
	f.mu.Unlock()
	_, err := f.list(f.background.ctx, s.Path, q, true)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetch(f.walks.ListingCame(s, err == nil))
}

func (f *FS) fetchLink(s *walk.Step) {
	_, err := f.readlink(f.background.ctx, s.Path)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.LinkCame(s, err == nil)
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
		more := f.walks.Sweep(time.Now())
		f.mu.Unlock()
		if !more {
			return
		}
	}
}
