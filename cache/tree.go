package cache

import (
	"context"
	"slices"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// ReadDir implements [sftpconn.FS].
func (f *FS) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	entries, ok, q := f.knownListing(path)
	f.questions.listings.add(ok)
	if ok {
		return entries, nil
	}
	entries, err := f.list(ctx, path, q, false)
	if err == nil {
		f.hasListed(path)
	}
	return slices.Clone(entries), err
}

// knownListing returns what is known of what path holds, and what is needed to ask if
// that is nothing.
func (f *FS) knownListing(path string) ([]sftpconn.DirEntry, bool, question) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entries, ok := f.names.List(path)
	q := f.question(path)
	f.fetch(f.walks.Lists(path, ok))
	return entries, ok, q
}

// hasListed takes in that a program got the listing of path from the server.
func (f *FS) hasListed(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetch(f.walks.HasListed(path))
}

// list asks for a listing, maybe ahead of programs. What it returns is shared.
func (f *FS) list(ctx context.Context, path string, q question, ahead bool) ([]sftpconn.DirEntry, error) {
	return f.questions.readDir.do(ctx, q.key, func(ctx context.Context) ([]sftpconn.DirEntry, error) {
		entries, err := f.under.ReadDir(ctx, path)
		if err != nil {
			return nil, err
		}
		entries = slices.Clone(entries) // which may be shared
		f.mu.Lock()
		defer f.mu.Unlock()
		f.names.LearnListing(path, q.asked, entries, ahead)
		return entries, nil
	})
}

// Mkdir implements [sftpconn.FS].
func (f *FS) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	async, err := f.canQueue(ctx)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	if async {
		if attr, ok := f.mkdirBehind(ctx, path, mode); ok {
			return attr, nil
		}
	}
	return f.makeNow(ctx, "mkdir", path,
		func() (sftpconn.Attr, error) { return f.direct.Mkdir(ctx, path, mode) },
		func(q known.Asked, attr sftpconn.Attr) { f.names.MadeDir(path, q, attr) })
}

// Symlink implements [sftpconn.FS].
func (f *FS) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	async, err := f.canQueue(ctx)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	if async {
		if attr, ok := f.symlinkBehind(ctx, target, path); ok {
			return attr, nil
		}
	}
	return f.makeNow(ctx, "symlink", path,
		func() (sftpconn.Attr, error) { return f.direct.Symlink(ctx, target, path) },
		func(q known.Asked, attr sftpconn.Attr) {
			f.names.Made(path, q, attr)
			f.names.LearnLink(path, f.names.Asking(), target)
		})
}

// makeNow makes something at path at once, by a request that tells its attributes.
// learn takes them in, with f.mu held.
func (f *FS) makeNow(ctx context.Context, change, path string,
	request func() (sftpconn.Attr, error), learn func(known.Asked, sftpconn.Attr)) (sftpconn.Attr, error) {
	end, err := f.turn(ctx, change, path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	defer end()
	q := f.asking()
	attr, err := request()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.names.Unsure(path)
		return attr, err
	}
	f.names.LearnNew(ctx, path, attr)
	learn(q, attr)
	return attr, nil
}

// Link implements [sftpconn.FS].
func (f *FS) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	end, err := f.turn(ctx, "link", oldPath, newPath)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	defer end()
	_, _, q := f.known(oldPath, (*known.Names).Lookup)
	attr, err := q.content.overlaid(ctx, func() (sftpconn.Attr, error) { return f.direct.Link(ctx, oldPath, newPath) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.names.Unsure(newPath)
		return attr, err
	}
	f.names.LinkedTo(oldPath, newPath, q.asked, attr)
	if c := f.opens.at(oldPath); c != nil {
		f.opens.attachAll(c, []string{newPath})
	}
	return attr, nil
}

// Remove implements [sftpconn.FS].
func (f *FS) Remove(ctx context.Context, path string) error {
	f.closeEarly(path)
	async, err := f.canQueue(ctx)
	if err != nil || async && f.removeBehind(ctx, path) {
		return err
	}
	return f.remove(ctx, path, f.direct.Remove)
}

// Rmdir implements [sftpconn.FS].
func (f *FS) Rmdir(ctx context.Context, path string) error {
	f.closeEarly(path)
	async, err := f.canQueue(ctx)
	if err != nil || async && f.rmdirBehind(ctx, path) {
		return err
	}
	return f.remove(ctx, path, f.direct.Rmdir)
}

func (f *FS) remove(ctx context.Context, path string, remove func(context.Context, string) error) error {
	end, err := f.turn(ctx, "remove", path)
	if err != nil {
		return err
	}
	defer end()
	f.mu.Lock()
	f.names.Moving.Begin(path)
	q := f.names.Asking()
	f.mu.Unlock()
	err = remove(ctx, path)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens.endMove(path)
	sure := err == nil && !f.names.Gens.Overtaken(path, q.Gen)
	if err == nil {
		f.opens.unlink(path)
		f.names.Gone(path)
	}
	if !sure {
		f.names.Unsure(path)
	}
	return err
}

// Rename implements [sftpconn.FS].
func (f *FS) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	f.closeEarly(oldPath, newPath)
	async, err := f.canQueue(ctx)
	if err != nil {
		return err
	}
	if async {
		// A program that replaces a file wants the old one or the new one
		// there, and never half of it.
		written := f.delivery(oldPath)
		if f.renameBehind(ctx, oldPath, newPath, replace, written) {
			return nil
		}
		if err := written.await(ctx); err != nil {
			return err
		}
	}
	end, err := f.turn(ctx, "rename", oldPath, newPath)
	if err != nil {
		return err
	}
	defer end()
	f.mu.Lock()
	f.names.Moving.Begin(oldPath, newPath)
	q := f.names.Asking()
	f.mu.Unlock()
	err = f.direct.Rename(ctx, oldPath, newPath, replace)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens.endMove(oldPath, newPath)
	switch {
	case err != nil || f.names.Links.Same(oldPath, newPath):
		// Of two names of one file, rename(2) leaves both.
		f.names.Unsure(oldPath)
		f.names.Unsure(newPath)
	case oldPath == newPath:
	default:
		sure := f.isSureMove(oldPath, newPath, q)
		f.renamed(oldPath, newPath)
		if !sure {
			f.names.Unsure(oldPath)
			f.names.UnsureTree(newPath)
		}
	}
	return err
}

// isSureMove reports whether a rename that was asked for at q took along what is
// known of oldPath. What was changed below at the same time may have gone along, or
// not; but errands take turns. f.mu is held.
func (f *FS) isSureMove(oldPath, newPath string, q known.Asked) bool {
	gens := f.names.Gens
	if f.errands == nil && f.names.MayBeDir(oldPath) {
		return gens.Alone(q.Gen)
	}
	return !gens.Overtaken(oldPath, q.Gen) && !gens.Overtaken(newPath, q.Gen)
}

// renamed takes in that oldPath is now newPath. f.mu is held.
func (f *FS) renamed(oldPath, newPath string) {
	if f.names.MayBeDir(oldPath) {
		f.opens.renameTree(oldPath, newPath)
		f.names.MovedTree(oldPath, newPath)
	}
	f.opens.rename(oldPath, newPath)
	f.names.Moved(oldPath, newPath)
}

func (f *FS) asking() known.Asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names.Asking()
}
