package cache

import (
	"context"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// openEarly opens the file of s and starts reading it.
func (f *FS) openEarly(s *step) {
	asked := f.asking()
	file, attr, err := f.open(sftpconn.Ahead(f.background.ctx, s.file.size), s.path, sftpconn.Read, 0)
	var o *openedFile
	if err == nil {
		file.readStart(s.file.size)
		o = &openedFile{file: file, attr: attr, asked: asked, told: asked.Taken}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.fileCame(s, o)
}

// sawReading takes in whether a file that is not small was read to its end.
func (f *FS) sawReading(through bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.readsOn(through)
}

// discard closes a file that no program has got. f.mu is held, which closing
// needs.
func (f *FS) discard(o *openedFile) {
	f.background.spawn(func() { _ = o.file.Close(f.background.ctx) })
}

// openedEarly returns the file at path as it was opened ahead, if it was and can
// still be believed. It waits for the open if that is under way.
func (f *FS) openedEarly(ctx context.Context, path string) *openedFile {
	f.mu.Lock()
	s, ahead := f.walks.opens(path)
	ahead = f.watched(ahead)
	f.mu.Unlock()
	f.fetch(ahead)
	if s == nil {
		return nil
	}
	select {
	case <-s.file.done:
	case <-f.background.ctx.Done(): // it is never opened
	case <-ctx.Done():
	case <-sftpconn.Interrupt(ctx):
	}
	f.mu.Lock()
	o := f.walks.handOver(s)
	f.mu.Unlock()
	if o == nil || f.stillTrue(ctx, o, path) {
		return o
	}
	_ = o.file.Close(ctx)
	return nil
}

// stillTrue reports whether o stands for what an open would find now. If the
// server was asked too long ago, it is asked once more. A file that was just being
// changed is always opened anew.
func (f *FS) stillTrue(ctx context.Context, o *openedFile, path string) bool {
	f.mu.Lock()
	unchanged, fresh := f.unchanged(o, path), o.isFresh()
	f.mu.Unlock()
	if !unchanged || fresh {
		return unchanged
	}
	return f.refresh(ctx, o, path)
}

// unchanged reports whether nothing is known that speaks against o. f.mu is held.
func (f *FS) unchanged(o *openedFile, path string) bool {
	attr, v := f.names.Stat(path)
	return f.opens.at(path) == o.file.(*File).content && f.names.Believable(path, o.asked) &&
		(v == known.Unknown || v == known.Present && o.same(attr))
}

// refresh asks the server whether the file at path is unchanged, and reports it.
func (f *FS) refresh(ctx context.Context, o *openedFile, path string) bool {
	if !o.lasting() {
		return false
	}
	asked := f.asking()
	attr, err := f.under.Stat(ctx, path)
	f.mu.Lock()
	defer f.mu.Unlock()
	o.refreshing = false
	if err != nil {
		return false
	}
	f.names.LearnStat(path, asked, attr, nil)
	if !f.unchanged(o, path) || !o.same(attr) {
		return false
	}
	o.told = asked.Taken
	return true
}

// refreshAhead is refresh for a file that no program has come to.
func (f *FS) refreshAhead(s *step, o *openedFile) {
	if f.refresh(f.background.ctx, o, s.path) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.outdated(s, o)
}

// closeEarly closes the files at paths that no program has come to: their names
// are about to be taken away, which some servers do not do while they are open.
func (f *FS) closeEarly(paths ...string) {
	f.mu.Lock()
	var all []*openedFile
	for _, path := range paths {
		if o := f.walks.takeAway(path); o != nil {
			all = append(all, o)
		}
	}
	f.mu.Unlock()
	for _, o := range all {
		_ = o.file.Close(f.background.ctx)
	}
}
