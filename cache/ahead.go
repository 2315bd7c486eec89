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
func (f *FS) visited(path string, known bool) []request {
	if !f.followsWalks() {
		return nil
	}
	w := f.walks.visit(path)
	f.walks.recent.Add(path, &visited{at: time.Now()})
	if known {
		f.walks.listed(path)
		f.names.wanted(path)
	}
	return f.next(w)
}

// listedAhead takes in that a program has listed path.
func (f *FS) listedAhead(path string) {
	f.mu.Lock()
	f.names.wanted(path)
	ahead := f.next(f.walks.listed(path))
	f.mu.Unlock()
	f.fetch(ahead)
}

// looked takes in that a program has looked path up, and whether it was known.
// It returns what is to be fetched. f.mu is held.
func (f *FS) looked(path string, v verdict) []request {
	dir, name := split(path)
	if !f.followsWalks() || dir == "" {
		return nil
	}
	if v == present {
		return f.next(f.walks.looked(dir))
	}
	list, w := f.walks.missed(dir, name)
	ahead := f.next(w)
	if list != nil {
		f.sweepLater()
		ahead = append([]request{{step: list}}, ahead...)
	}
	return ahead
}

// next is walks.next, and sees to it that what nobody uses is taken away. f.mu
// is held.
func (f *FS) next(w *walk) []request {
	fetch := f.walks.next(w)
	if w != nil {
		f.sweepLater()
	}
	return fetch
}

// fetch starts requests, if the FS is not closed.
func (f *FS) fetch(requests []request) {
	for _, r := range requests {
		f.spawn(func() {
			switch {
			case r.early != nil:
				f.refreshAhead(r.step, r.early)
			case r.kind == folder:
				f.fetchListing(r.step)
			case r.kind == link:
				f.fetchLink(r.step)
			case r.kind == file:
				f.openEarly(r.step)
			}
		})
	}
}

func (f *FS) fetchListing(s *step) {
	f.mu.Lock()
	q := question{asked: f.names.asking(), key: flightKey{s.path, f.names.gens.since(s.path)}}
	f.mu.Unlock()
	_, err := f.list(f.ctx, s.path, q, true)
	f.mu.Lock()
	f.walks.allowed.handles--
	if err != nil {
		f.walks.waste(s)
		s.state = over
	} else {
		f.walks.listed(s.path)
		f.walks.caughtUp(s.path)
	}
	ahead := f.next(f.walks.alive(s.walk))
	for _, below := range f.walks.listBelow(s) {
		ahead = append(ahead, request{step: below})
	}
	f.mu.Unlock()
	f.fetch(ahead)
}

func (f *FS) fetchLink(s *step) {
	_, err := f.readlink(f.ctx, s.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.allowed.handles--
	switch {
	case err != nil:
		f.walks.waste(s)
		s.state = over
	case s.state == asking:
		s.state = there
	}
}

// sweepLater sees to it that sweep runs. f.mu is held.
func (f *FS) sweepLater() {
	if !f.walks.sweeper {
		f.walks.sweeper = f.spawn(f.sweep)
	}
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
		if f.walks.idle() {
			f.walks.sweeper = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}
