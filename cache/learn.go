package cache

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"sftpmount/sftpconn"
)

// asked is when a question was asked: what has changed here since is not what
// the answer tells of.
type asked struct {
	gen   uint64
	taken time.Time
}

func (n *names) asking() asked { return asked{n.gens.now, time.Now()} }

// believable reports whether an answer about path that was asked for at q can be
// remembered.
func (n *names) believable(path string, q asked) bool {
	return !n.isDoubtful(path) && !n.overtaken(path, q)
}

// overtaken reports whether what was asked about path at q may have been answered
// before or after it was changed, or began to move.
func (n *names) overtaken(path string, q asked) bool {
	return n.gens.overtaken(path, q.gen) || n.moving.has(path)
}

// learnAttr takes in what Lstat answered.
func (n *names) learnAttr(path string, q asked, attr sftpconn.Attr, err error) {
	if !n.believable(path, q) {
		return
	}
	switch {
	case err == nil:
		n.setAttr(path, q, attr)
	case errors.Is(err, fs.ErrNotExist):
		dir, name := split(path)
		l := n.freshListing(dir)
		if l != nil && l.ahead && !l.has(name) && !l.taken.After(q.taken) && !n.isProbed() {
			n.probed = probe{path, q.taken}
		}
		n.setAbsent(path, q)
	}
}

// learnStat takes in what Stat answered, or an open. If that failed, it says nothing of
// path itself, which may be a symbolic link.
func (n *names) learnStat(path string, q asked, attr sftpconn.Attr, err error) {
	if err != nil || !n.believable(path, q) {
		return
	}
	if known, v := n.lookup(path); v == present && known.IsSymlink() {
		n.update(path, func(e *entry) { e.stat = answer(attr, q) })
		return
	}
	n.setAttr(path, q, attr)
}

// stat returns the attributes of what path leads to.
func (n *names) stat(path string) (sftpconn.Attr, verdict) {
	attr, v := n.lookup(path)
	if v != present || !attr.IsSymlink() {
		return attr, v
	}
	if e, ok := n.lru.Get(path); ok && e.stat.fresh(time.Now(), n.opts.AttrTimeout) {
		return e.stat.value, present
	}
	return sftpconn.Attr{}, unknown
}

// learnLink takes in what Readlink answered.
func (n *names) learnLink(path string, q asked, target string) {
	if n.believable(path, q) {
		n.update(path, func(e *entry) { e.link = answer(target, q) })
	}
}

func (n *names) readlink(path string) (string, bool) {
	e, ok := n.lru.Get(path)
	if !ok || !e.link.fresh(time.Now(), n.opts.LinkTimeout) {
		return "", false
	}
	return e.link.value, true
}

// learnListing takes in what ReadDir answered, ahead of programs or not. In entries it
// replaces attributes that were overtaken by those known, or by none.
func (n *names) learnListing(dir string, q asked, entries []sftpconn.DirEntry, ahead bool) {
	if n.gens.now != q.gen || len(n.doubtful)+len(n.moving) > 0 {
		for i := range entries {
			path := join(dir, entries[i].Name)
			if !n.believable(path, q) {
				entries[i].Attr, _ = n.lookup(path)
			}
		}
	}
	if n.overtaken(dir, q) || n.opts.DirTimeout < 0 {
		return
	}
	l := newListing(slices.Clone(entries), q.taken)
	l.ahead = ahead
	if l.bytes > n.opts.MaxBytes/2 || len(entries) > n.opts.MaxEntries/2 {
		return // it would leave no room for anything else
	}
	n.update(dir, func(e *entry) { e.listing = l })
}

// wanted takes in that a program has asked for the listing of dir.
func (n *names) wanted(dir string) {
	if l := n.freshListing(dir); l != nil {
		l.ahead = false
	}
}

// list returns a copy of the listing of dir.
func (n *names) list(dir string) ([]sftpconn.DirEntry, bool) {
	l := n.freshListing(dir)
	if l == nil {
		return nil, false
	}
	return slices.Clone(l.entries), true
}

// setAttr remembers attributes, in the entry and in the listing.
func (n *names) setAttr(path string, q asked, attr sftpconn.Attr) {
	n.update(path, func(e *entry) {
		e.absent = known[bool]{}
		e.attr = answer(attr, q)
	})
	dir, name := split(path)
	n.updateListing(dir, func(l *listing) {
		if !l.taken.After(q.taken) {
			l.set(name, attr)
		}
	})
}

func (n *names) setAbsent(path string, q asked) {
	n.update(path, func(e *entry) { *e = entry{absent: answer(true, q)} })
	dir, name := split(path)
	n.updateListing(dir, func(l *listing) {
		if !l.taken.After(q.taken) {
			l.remove(name)
		}
	})
}

// answer is value as the answer to what was asked at q.
func answer[V any](value V, q asked) known[V] { return known[V]{value, q.taken} }
