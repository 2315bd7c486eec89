package cache

import "time"

const sweepEvery = 500 * time.Millisecond

// followsWalks reports whether anything is fetched ahead of programs that go
// through trees. It is not if what is fetched is not to be believed for a while.
func (f *FS) followsWalks() bool {
	return !f.opts.NoReadAhead && !f.opts.Disabled && min(f.opts.DirTimeout, f.opts.AttrTimeout) > 0
}

// visited takes in that a program lists path, and whether the listing is known
// already. It returns what is to be fetched. f.mu is held.
func (f *FS) visited(path string, known bool) []*step {
	if !f.followsWalks() {
		return nil
	}
	w := f.walks.visit(path)
	f.walks.recent.Add(path, &visited{at: time.Now()})
	if known {
		f.walks.listed(path)
		if l := f.names.freshListing(path); l != nil {
			l.ahead = false
		}
	}
	return f.next(w)
}

// listedAhead takes in that a program has listed path.
func (f *FS) listedAhead(path string) {
	f.mu.Lock()
	ahead := f.next(f.walks.listed(path))
	f.mu.Unlock()
	f.fetch(ahead)
}

// looked takes in that a program has looked path up, and that it was known. It
// returns what is to be fetched. f.mu is held.
func (f *FS) looked(path string) []*step {
	if !f.followsWalks() {
		return nil
	}
	dir, _ := split(path)
	return f.next(f.walks.looked(dir))
}

// next is walks.next, and sees to it that what nobody uses is taken away. f.mu
// is held.
func (f *FS) next(w *walk) []*step {
	fetch := f.walks.next(w)
	if w != nil && !f.walks.sweeper {
		f.walks.sweeper = f.spawn(f.sweep)
	}
	return fetch
}

// fetch starts requests, if the FS is not closed.
func (f *FS) fetch(steps []*step) {
	for _, s := range steps {
		f.spawn(func() { f.fetchListing(s) })
	}
}

func (f *FS) fetchListing(s *step) {
	f.mu.Lock()
	q := question{asked: f.names.asking(), key: flightKey{s.path, f.names.gens.since(s.path)}}
	f.mu.Unlock()
	_, err := f.list(f.ctx, s.path, q)
	f.mu.Lock()
	f.walks.handles--
	if err != nil {
		f.walks.waste(s)
		s.state = over
	} else {
		if l := f.names.freshListing(s.path); l != nil && !s.used {
			l.ahead = true
		}
		f.walks.listed(s.path)
	}
	ahead := f.next(f.walks.alive(s.walk))
	f.mu.Unlock()
	f.fetch(ahead)
}

// sweep takes away what was fetched and not used. It ends when no program goes
// through a tree any more.
func (f *FS) sweep() {
	timer := time.NewTicker(sweepEvery)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-f.ctx.Done():
			return
		}
		f.mu.Lock()
		f.walks.expire(time.Now())
		if len(f.walks.all) == 0 {
			f.walks.sweeper = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}
