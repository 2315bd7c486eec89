package cache

import (
	"context"
	"time"

	"sftpmount/sftpconn"
)

const (
	// earlyAge is how long what was fetched ahead is believed where it stands
	// for a question that a program asks later: that a file can be opened, and
	// what it is then.
	earlyAge = time.Second

	// sureAge is how old an mtime must be to tell one content of a file from
	// the next: SFTP's clock ticks in seconds.
	sureAge = 2 * time.Second

	// mostStart is how much of a file that is not small is read ahead before a
	// program comes to it, if the last such file was read to its end, in bytes.
	mostStart = 4 << 20
)

// early is a file that was opened before its program asked for that. Until then
// it is guarded by FS.mu.
type early struct {
	file       *File
	attr       sftpconn.Attr
	asked      asked     // when it was opened
	told       time.Time // when the server was asked last, and told the same
	refreshing bool
}

// aheadFile is what a step of kind file has to do with its file.
type aheadFile struct {
	whole int64         // size of the file as it was listed, in bytes
	size  int64         // of what is read ahead, in bytes
	mtime uint32        // as it was listed
	done  chan struct{} // closed when the file was opened, or could not be
	early *early
}

// aim says how much is to be read ahead. through says whether the last file that is
// not small was read to its end.
func (a *aheadFile) aim(through bool) {
	switch {
	case a.whole <= smallFile:
		a.size = a.whole
	case through:
		a.size = min(a.whole, mostStart)
	default:
		a.size = firstWindow
	}
}

func (a *aheadFile) kib() int    { return int((a.size + 1023) >> 10) }
func (a *aheadFile) blocks() int { return int((a.size + blockSize - 1) / blockSize) }

// settled reports whether the file, opened now, could be believed later, see
// [early.lasting].
func (a *aheadFile) settled(now time.Time) bool { return isSure(now, a.mtime) }

// isSure reports whether at the time taken, a file was changed last long enough ago
// that a later change shows in its attributes.
func isSure(taken time.Time, mtime uint32) bool {
	return taken.Sub(time.Unix(int64(mtime), 0)) > sureAge
}

// ages reports whether the server should be asked again, so that a program that
// comes soon need not wait for that.
func (a *aheadFile) ages(now time.Time) bool {
	e := a.early
	return e != nil && !e.refreshing && e.lasting() && now.Sub(e.told) > earlyAge/2
}

// lasting reports whether a file that has the same attributes later is unchanged.
func (e *early) lasting() bool { return isSure(e.asked.taken, e.attr.Mtime) }

// same reports whether attr is of the unchanged file.
func (e *early) same(attr sftpconn.Attr) bool {
	attr.Atime = e.attr.Atime
	return attr == e.attr
}

// openEarly opens the file of s and starts reading it.
func (f *FS) openEarly(s *step) {
	asked := f.asking()
	file, attr, err := f.open(sftpconn.Ahead(f.ctx, s.file.size), s.path, sftpconn.Read, 0)
	if err == nil {
		file.readStart(s.file.size)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	close(s.file.done)
	switch {
	case err != nil:
		f.walks.allowed.handles--
		f.walks.waste(s)
		s.state = over
	case s.state == over || attr.Valid != sftpconn.AttrAll:
		f.walks.waste(s)
		f.walks.allowed.handles--
		f.discard(&early{file: file})
	default:
		s.state = there
		s.file.early = &early{file: file, attr: attr, asked: asked, told: asked.taken}
	}
}

// sawReading takes in whether a file that is not small was read to its end.
func (f *FS) sawReading(through bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.through = through
}

// discard closes a file that no program has got. f.mu is held, which closing
// needs.
func (f *FS) discard(e *early) {
	f.spawn(func() { _ = e.file.Close(f.ctx) })
}

// openedEarly returns the file at path as it was opened ahead, if it was and can
// still be believed. It waits for the open if that is under way.
func (f *FS) openedEarly(ctx context.Context, path string) *early {
	if !f.followsWalks() {
		return nil
	}
	f.mu.Lock()
	s, w := f.walks.opened(path, file)
	ahead := f.next(w)
	f.mu.Unlock()
	f.fetch(ahead)
	if s == nil {
		return nil
	}
	select {
	case <-s.file.done:
	case <-f.ctx.Done(): // it is never opened
	case <-ctx.Done():
	case <-sftpconn.Interrupt(ctx):
	}
	f.mu.Lock()
	e := s.file.early
	if e != nil {
		s.file.early = nil
		f.walks.allowed.handles--
	}
	s.state = over
	f.mu.Unlock()
	if e == nil || f.stillTrue(ctx, e, path) {
		return e
	}
	_ = e.file.Close(ctx)
	return nil
}

// stillTrue reports whether e stands for what an open would find now. If the
// server was asked too long ago, it is asked once more. A file that was just being
// changed is always opened anew.
func (f *FS) stillTrue(ctx context.Context, e *early, path string) bool {
	f.mu.Lock()
	unchanged := f.unchanged(e, path)
	fresh := time.Since(e.told) <= earlyAge
	f.mu.Unlock()
	if !unchanged || fresh && e.lasting() {
		return unchanged
	}
	return f.refresh(ctx, e, path)
}

// unchanged reports whether nothing is known that speaks against e. f.mu is held.
func (f *FS) unchanged(e *early, path string) bool {
	attr, v := f.names.stat(path)
	return f.opens.at(path) == e.file.content && f.names.believable(path, e.asked) &&
		(v == unknown || v == present && e.same(attr))
}

// refresh asks the server whether the file at path is unchanged, and reports it.
func (f *FS) refresh(ctx context.Context, e *early, path string) bool {
	if !e.lasting() {
		return false
	}
	asked := f.asking()
	attr, err := f.under.Stat(ctx, path)
	f.mu.Lock()
	defer f.mu.Unlock()
	e.refreshing = false
	if err != nil {
		return false
	}
	f.names.learnStat(path, asked, attr, nil)
	if !f.unchanged(e, path) || !e.same(attr) {
		return false
	}
	e.told = asked.taken
	return true
}

// refreshAhead is refresh for a file that no program has come to.
func (f *FS) refreshAhead(s *step, e *early) {
	if f.refresh(f.ctx, e, s.path) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.file.early == e {
		f.walks.waste(s)
	}
}

// closeEarly closes the files at paths that no program has come to: their names
// are about to be taken away, which some servers do not do while they are open.
func (f *FS) closeEarly(paths ...string) {
	f.mu.Lock()
	var all []*early
	for _, path := range paths {
		if e := f.walks.steps[path]; e != nil {
			s := e.Value.(*step)
			if s.file.early != nil {
				all = append(all, s.file.early)
				s.file.early = nil
				f.walks.allowed.handles--
			}
			f.walks.waste(s)
		}
	}
	f.mu.Unlock()
	for _, e := range all {
		_ = e.file.Close(f.ctx)
	}
}
