package cache

import (
	"time"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/walk"
)

const sweepEvery = 500 * time.Millisecond

// watched returns what is to be fetched, and sees to it that what nobody uses of it is
// taken away. f.mu is held.
func (f *FS) watched(requests []walk.Request) []walk.Request {
	if f.walks.NeedsSweep() {
		f.background.spawn(f.sweep)
	}
	return requests
}

// locked calls do with f.mu held, and lets go of that if do panics: the mount lives on
// then (see docs/design.md), and must not hang.
func (f *FS) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// fetch starts requests, if the FS is not closed.
func (f *FS) fetch(requests []walk.Request) {
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
	ahead := f.watched(f.walks.ListingCame(s, err == nil))
	f.mu.Unlock()
	f.fetch(ahead)
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
