package cache

import (
	"context"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/walk"
	"sftpmount/sftpconn"
)

// openEarly opens the file of s and starts reading it.
func (f *FS) openEarly(s *walk.Step) {
	asked := f.asking()
	file, attr, err := f.open(sftpconn.Ahead(f.background.ctx, s.Size()), s.Path, sftpconn.Read, 0)
	var o *walk.OpenedFile
	if err == nil {
		file.readStart(s.Size())
		o = &walk.OpenedFile{File: file, Attr: attr, Asked: asked, Told: asked.Taken}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.FileCame(s, o)
}

// sawReading takes in whether a file that is not small was read to its end.
func (f *FS) sawReading(through bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.ReadsOn(through)
}

// discard closes a file that no program has got. f.mu is held, which closing
// needs.
func (f *FS) discard(o *walk.OpenedFile) {
	f.background.spawn(func() { _ = o.File.Close(f.background.ctx) })
}

// openedEarly returns the file at path as it was opened ahead, if it was and can
// still be believed. It waits for the open if that is under way.
func (f *FS) openedEarly(ctx context.Context, path string) *walk.OpenedFile {
	s := f.stepOf(path)
	if s == nil {
		return nil
	}
	select {
	case <-s.IsOpen():
	case <-f.background.ctx.Done(): // it is never opened
	case <-ctx.Done():
	case <-sftpconn.Interrupt(ctx):
	}
	f.mu.Lock()
	o := f.walks.HandOver(s)
	f.mu.Unlock()
	if o == nil || f.stillTrue(ctx, o, path) {
		return o
	}
	_ = o.File.Close(ctx)
	return nil
}

// stepOf takes in that a program opens path to read it, and returns the step that was
// fetched ahead of that, or nil.
func (f *FS) stepOf(path string) *walk.Step {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ahead := f.walks.Opens(path)
	f.fetch(ahead)
	return s
}

// stillTrue reports whether o stands for what an open would find now. If the
// server was asked too long ago, it is asked once more. A file that was just being
// changed is always opened anew.
func (f *FS) stillTrue(ctx context.Context, o *walk.OpenedFile, path string) bool {
	f.mu.Lock()
	unchanged, fresh := f.unchanged(o, path), o.IsFresh()
	f.mu.Unlock()
	if !unchanged || fresh {
		return unchanged
	}
	return f.refresh(ctx, o, path)
}

// unchanged reports whether nothing is known that speaks against o. f.mu is held.
func (f *FS) unchanged(o *walk.OpenedFile, path string) bool {
	attr, v := f.names.Stat(path)
	return f.opens.at(path) == o.File.(*File).content && f.names.Believable(path, o.Asked) &&
		(v == known.Unknown || v == known.Present && o.Same(attr))
}

// refresh asks the server whether the file at path is unchanged, and reports it.
func (f *FS) refresh(ctx context.Context, o *walk.OpenedFile, path string) bool {
	if !o.Lasting() {
		return false
	}
	asked := f.asking()
	attr, err := f.under.Stat(ctx, path)
	f.mu.Lock()
	defer f.mu.Unlock()
	o.Refreshing = false
	if err != nil {
		return false
	}
	f.names.LearnStat(path, asked, attr, nil)
	if !f.unchanged(o, path) || !o.Same(attr) {
		return false
	}
	o.Told = asked.Taken
	return true
}

// refreshAhead is refresh for a file that no program has come to.
func (f *FS) refreshAhead(s *walk.Step, o *walk.OpenedFile) {
	if f.refresh(f.background.ctx, o, s.Path) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walks.Outdated(s, o)
}

// closeEarly closes the files at paths that no program has come to: their names
// are about to be taken away, which some servers do not do while they are open.
func (f *FS) closeEarly(paths ...string) {
	f.mu.Lock()
	var all []*walk.OpenedFile
	for _, path := range paths {
		if o := f.walks.TakeAway(path); o != nil {
			all = append(all, o)
		}
	}
	f.mu.Unlock()
	for _, o := range all {
		_ = o.File.Close(f.background.ctx)
	}
}
