package known

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// Asked is when a question was asked: what has changed here since is not what
// the answer tells of.
type Asked struct {
	Gen   uint64
	Taken time.Time
}

// Asking returns what a question is asked at that is asked now.
func (n *Names) Asking() Asked { return Asked{n.Gens.Now, time.Now()} }

// Believable reports whether an answer about path that was asked for at q can be
// remembered.
func (n *Names) Believable(path string, q Asked) bool {
	return !n.IsDoubtful(path) && !n.Overtaken(path, q)
}

// Overtaken reports whether what was asked about path at q may have been answered
// before or after it was changed, or began to move.
func (n *Names) Overtaken(path string, q Asked) bool {
	return n.Gens.Overtaken(path, q.Gen) || n.Moving.Has(path)
}

// LearnAttr takes in what Lstat answered.
func (n *Names) LearnAttr(path string, q Asked, attr sftpconn.Attr, err error) {
	if !n.Believable(path, q) {
		return
	}
	switch {
	case err == nil:
		n.setAttr(path, q, attr)
	case errors.Is(err, fs.ErrNotExist):
		dir, name := pathname.Split(path)
		l := n.FreshListing(dir)
		if l != nil && l.ahead && !l.Has(name) && !l.taken.After(q.Taken) && !n.isProbed() {
			n.probed = probe{path, q.Taken}
		}
		n.setAbsent(path, q)
	}
}

// LearnStat takes in what Stat answered, or an open. If that failed, it says nothing of
// path itself, which may be a symbolic link.
func (n *Names) LearnStat(path string, q Asked, attr sftpconn.Attr, err error) {
	if err != nil || !n.Believable(path, q) {
		return
	}
	if known, v := n.Lookup(path); v == Present && known.IsSymlink() {
		n.update(path, func(e *entry) { e.stat = answer(attr, q) })
		return
	}
	n.setAttr(path, q, attr)
}

// Stat returns the attributes of what path leads to.
func (n *Names) Stat(path string) (sftpconn.Attr, Verdict) {
	attr, v := n.Lookup(path)
	if v != Present || !attr.IsSymlink() {
		return attr, v
	}
	if e, ok := n.lru.Get(path); ok && e.stat.Fresh(time.Now(), n.opts.AttrTimeout) {
		return e.stat.Value, Present
	}
	return sftpconn.Attr{}, Unknown
}

// LearnLink takes in what Readlink answered.
func (n *Names) LearnLink(path string, q Asked, target string) {
	if n.Believable(path, q) {
		n.update(path, func(e *entry) { e.link = answer(target, q) })
	}
}

// Readlink returns what the symbolic link at path reads as.
func (n *Names) Readlink(path string) (string, bool) {
	e, ok := n.lru.Get(path)
	if !ok || !e.link.Fresh(time.Now(), n.opts.LinkTimeout) {
		return "", false
	}
	return e.link.Value, true
}

// LearnListing takes in what ReadDir answered, ahead of programs or not. In entries it
// replaces attributes that were overtaken by those known, or by none.
func (n *Names) LearnListing(dir string, q Asked, entries []sftpconn.DirEntry, ahead bool) {
	if n.Gens.Now != q.Gen || len(n.doubtful)+len(n.Moving) > 0 {
		for i := range entries {
			path := pathname.Join(dir, entries[i].Name)
			if !n.Believable(path, q) {
				entries[i].Attr, _ = n.Lookup(path)
			}
		}
	}
	if n.Overtaken(dir, q) || n.opts.DirTimeout < 0 {
		return
	}
	l := newListing(slices.Clone(entries), q.Taken)
	l.ahead = ahead
	if l.bytes > n.opts.MaxBytes/2 || len(entries) > n.opts.MaxEntries/2 {
		return // it would leave no room for anything else
	}
	n.update(dir, func(e *entry) { e.listing = l })
}

// Wanted takes in that a program has asked for the listing of dir.
func (n *Names) Wanted(dir string) {
	if l := n.FreshListing(dir); l != nil {
		l.ahead = false
	}
}

// List returns a copy of the listing of dir.
func (n *Names) List(dir string) ([]sftpconn.DirEntry, bool) {
	l := n.FreshListing(dir)
	if l == nil {
		return nil, false
	}
	return slices.Clone(l.Entries), true
}

// setAttr remembers attributes, in the entry and in the listing.
func (n *Names) setAttr(path string, q Asked, attr sftpconn.Attr) {
	n.update(path, func(e *entry) {
		e.absent = Fact[bool]{}
		e.attr = answer(attr, q)
	})
	dir, name := pathname.Split(path)
	n.updateListing(dir, func(l *Listing) {
		if !l.taken.After(q.Taken) {
			l.set(name, attr)
		}
	})
}

func (n *Names) setAbsent(path string, q Asked) {
	n.update(path, func(e *entry) { *e = entry{absent: answer(true, q)} })
	dir, name := pathname.Split(path)
	n.updateListing(dir, func(l *Listing) {
		if !l.taken.After(q.Taken) {
			l.remove(name)
		}
	})
}

// answer is value as the answer to what was asked at q.
func answer[V any](value V, q Asked) Fact[V] { return Fact[V]{value, q.Taken} }
