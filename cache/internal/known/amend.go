package known

import (
	"time"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// The methods in this file take in what was changed here. Each notes the change
// in the generations, so that no answer that it overtook is remembered. q is
// when the change was asked for; what it led to is known from its end on.

// Changed takes in the attributes that a change of path was answered with. If
// the path was changed by another request meanwhile, nobody knows which came
// last.
func (n *Names) Changed(path string, q Asked, attr sftpconn.Attr) {
	sure := n.Believable(path, q)
	n.Touch(path)
	if !sure {
		n.ForgetAttr(path)
		return
	}
	n.setAttr(path, n.Asking(), attr)
}

// Followed is Changed for a request that the server followed symbolic links
// for.
func (n *Names) Followed(path string, q Asked, attr sftpconn.Attr) {
	if known, v := n.Lookup(path); v == Present && known.IsSymlink() && !attr.IsSymlink() {
		n.Gens.Touch(path)
		n.update(path, func(e *entry) { e.stat = answer(attr, n.Asking()) })
		return
	}
	n.Changed(path, q, attr)
}

// Made takes in that path was made, or was there.
func (n *Names) Made(path string, q Asked, attr sftpconn.Attr) {
	existed := n.Exists(path)
	overtaken := n.Gens.Overtaken(path, q.Gen)
	n.Changed(path, q, attr)
	if existed {
		return
	}
	if overtaken {
		n.Unsure(path) // it may be elsewhere now, or removed
	}
	n.dirChanged(path)
	if n.probed.path == path { // it was looked for to be made
		n.probed = probe{}
	}
}

// MadeDir takes in that path was made as an empty directory.
func (n *Names) MadeDir(path string, q Asked, attr sftpconn.Attr) {
	overtaken := n.Gens.Overtaken(path, q.Gen)
	n.Made(path, q, attr)
	if overtaken {
		return
	}
	now := time.Now()
	n.update(path, func(e *entry) {
		e.listing = newListing(nil, now)
		e.listing.made, e.listing.filled = true, now
	})
}

// Gone takes in that path was removed.
func (n *Names) Gone(path string) {
	delete(n.doubtful, path)
	n.Gens.Touch(path)
	n.Links.leave(path)
	n.setAbsent(path, n.Asking())
	n.dirChanged(path)
}

// LinkedTo takes in that newPath was made as a further name of oldPath.
func (n *Names) LinkedTo(oldPath, newPath string, q Asked, attr sftpconn.Attr) {
	n.Made(newPath, q, attr)
	n.Links.join(oldPath, newPath)
	if n.IsDoubtful(oldPath) {
		n.Doubt(newPath)
	}
}

// Moved takes in that oldPath is now newPath.
func (n *Names) Moved(oldPath, newPath string) {
	attr, _ := n.Lookup(oldPath)
	var moved entry
	if e, ok := n.lru.Get(oldPath); ok {
		moved = *e
		moved.absent = Fact[bool]{}
	}
	doubtful := n.IsDoubtful(oldPath)
	n.Gone(newPath)
	n.Links.move(oldPath, newPath)
	n.Gone(oldPath)
	n.update(newPath, func(e *entry) { *e = moved })
	dir, name := pathname.Split(newPath)
	n.updateListing(dir, func(l *Listing) { l.set(name, attr) })
	if doubtful {
		n.Doubt(newPath)
	}
}

// MovedTree is Moved for all that is below oldPath. What was known below
// newPath is forgotten.
func (n *Names) MovedTree(oldPath, newPath string) {
	n.Gens.touchAll()
	n.Links.moveTree(oldPath, newPath)
	for _, path := range n.lru.Keys() {
		if pathname.Below(newPath, path) {
			n.lru.Remove(path)
		}
	}
	for _, path := range n.lru.Keys() {
		if !pathname.Below(oldPath, path) {
			continue
		}
		e, _ := n.lru.Peek(path)
		n.lru.Remove(path)
		n.update(newPath+path[len(oldPath):], func(moved *entry) { *moved = *e })
	}
	for path := range n.doubtful {
		if pathname.Below(oldPath, path) {
			delete(n.doubtful, path)
			n.doubtful[newPath+path[len(oldPath):]] = struct{}{}
		}
	}
}

// ForgetTree takes in that nothing is known any more of top and what is below.
func (n *Names) ForgetTree(top string) {
	n.Gens.touchAll()
	within := func(path string) bool { return path == top || pathname.Below(top, path) }
	for _, path := range n.lru.Keys() {
		if within(path) {
			n.lru.Remove(path)
		}
	}
	for path := range n.doubtful {
		if within(path) {
			delete(n.doubtful, path)
		}
	}
	n.Links.leaveTree(top)
}

// MayBeDir reports whether path is not known to be something else.
func (n *Names) MayBeDir(path string) bool {
	if n.IsDoubtful(path) {
		return false // it was opened
	}
	attr, v := n.Lookup(path)
	return v != Present || attr.IsDir()
}

// Touch notes a change of the file at path. Under its other names nothing is
// known of it any more.
func (n *Names) Touch(path string) {
	n.Gens.Touch(path)
	for _, other := range n.Links.Others(path) {
		n.Gens.Touch(other)
		n.ForgetAttr(other)
	}
}

// UnsureAttr takes in that a change of the attributes of path failed, or may have
// happened.
func (n *Names) UnsureAttr(path string) {
	n.Gens.Touch(path)
	n.ForgetAttr(path)
}

// Unsure takes in that a change of path failed, or may have happened.
func (n *Names) Unsure(path string) {
	n.Touch(path)
	n.updateKnown(path, func(e *entry) { *e = entry{} })
	dir, _ := pathname.Split(path)
	n.ForgetListing(dir)
	n.Gens.Touch(dir)
	n.ForgetAttr(dir)
}

// UnsureTree is Unsure for top and all that is below.
func (n *Names) UnsureTree(top string) {
	for _, path := range n.lru.Keys() {
		if pathname.Below(top, path) {
			n.lru.Remove(path)
		}
	}
	n.Unsure(top)
}

// dirChanged takes in that a name was made or removed just now. To ask the server
// what time it was there would cost a round trip.
func (n *Names) dirChanged(path string) {
	dir, _ := pathname.Split(path)
	n.Gens.Touch(dir)
	stamp := func(attr *sftpconn.Attr) {
		if attr.IsDir() {
			attr.Mtime = max(attr.Mtime, n.Clock.Now())
		}
	}
	n.updateKnown(dir, func(e *entry) { stamp(&e.attr.Value) })
	above, name := pathname.Split(dir)
	n.updateListing(above, func(l *Listing) { l.amend(name, stamp) })
	for n.beingFilled(dir) {
		dir, _ = pathname.Split(dir)
	}
}

// beingFilled takes in that something was made or removed in dir or below it. It
// reports whether dir was made here.
func (n *Names) beingFilled(dir string) bool {
	l := n.FreshListing(dir)
	if l == nil || !l.made {
		return false
	}
	l.filled = time.Now()
	return true
}

// ForgetAttr drops the attributes of path, but not that it exists.
func (n *Names) ForgetAttr(path string) {
	n.updateKnown(path, func(e *entry) {
		e.attr, e.stat, e.absent = Fact[sftpconn.Attr]{}, Fact[sftpconn.Attr]{}, Fact[bool]{}
	})
	dir, name := pathname.Split(path)
	n.updateListing(dir, func(l *Listing) { l.doubt(name) })
}

// ForgetListing drops what dir holds.
func (n *Names) ForgetListing(dir string) {
	n.updateKnown(dir, func(e *entry) { e.listing = nil })
}

// Doubt takes in that path is being written: until Settle or Undoubt, nothing
// about its attributes is remembered.
func (n *Names) Doubt(path string) {
	n.doubtful[path] = struct{}{}
	n.Touch(path)
	n.ForgetAttr(path)
}

// Settle ends doubt with attributes that account for all that was written.
func (n *Names) Settle(path string, q Asked, attr sftpconn.Attr) {
	sure := !n.Gens.Overtaken(path, q.Gen)
	n.Undoubt(path)
	if sure {
		n.setAttr(path, n.Asking(), attr)
	}
}

// InDoubt returns how many paths are being written.
func (n *Names) InDoubt() int { return len(n.doubtful) }

// IsDoubtful reports whether path is being written.
func (n *Names) IsDoubtful(path string) bool {
	_, ok := n.doubtful[path]
	return ok
}

// Undoubt ends doubt with nothing known.
func (n *Names) Undoubt(path string) {
	delete(n.doubtful, path)
	n.Touch(path)
	n.ForgetAttr(path)
}
