package cache

import (
	"time"

	"sftpmount/sftpconn"
)

// The methods in this file take in what was changed here. Each notes the change
// in the generations, so that no answer that it overtook is remembered. q is
// when the change was asked for; what it led to is known from its end on.

// changed takes in the attributes that a change of path was answered with. If
// the path was changed by another request meanwhile, nobody knows which came
// last.
func (n *names) changed(path string, q asked, attr sftpconn.Attr) {
	sure := n.believable(path, q)
	n.touch(path)
	if !sure {
		n.forgetAttr(path)
		return
	}
	n.setAttr(path, n.asking(), attr)
}

// followed is changed for a request that the server followed symbolic links
// for.
func (n *names) followed(path string, q asked, attr sftpconn.Attr) {
	if known, v := n.lookup(path); v == present && known.IsSymlink() && !attr.IsSymlink() {
		n.gens.touch(path)
		n.update(path, func(e *entry) { e.stat = answer(attr, n.asking()) })
		return
	}
	n.changed(path, q, attr)
}

// made takes in that path was made, or was there.
func (n *names) made(path string, q asked, attr sftpconn.Attr) {
	existed := n.exists(path)
	overtaken := n.gens.overtaken(path, q.gen)
	n.changed(path, q, attr)
	if existed {
		return
	}
	if overtaken {
		n.unsure(path) // it may be elsewhere now, or removed
	}
	n.dirChanged(path)
	if n.probed.path == path { // it was looked for to be made
		n.probed = probe{}
	}
}

// madeDir takes in that path was made as an empty directory.
func (n *names) madeDir(path string, q asked, attr sftpconn.Attr) {
	overtaken := n.gens.overtaken(path, q.gen)
	n.made(path, q, attr)
	if overtaken {
		return
	}
	now := time.Now()
	n.update(path, func(e *entry) {
		e.listing = newListing(nil, now)
		e.listing.made, e.listing.filled = true, now
	})
}

// gone takes in that path was removed.
func (n *names) gone(path string) {
	delete(n.doubtful, path)
	n.gens.touch(path)
	n.links.leave(path)
	n.setAbsent(path, n.asking())
	n.dirChanged(path)
}

// linkedTo takes in that newPath was made as a further name of oldPath.
func (n *names) linkedTo(oldPath, newPath string, q asked, attr sftpconn.Attr) {
	n.made(newPath, q, attr)
	n.links.join(oldPath, newPath)
	if n.isDoubtful(oldPath) {
		n.doubt(newPath)
	}
}

// moved takes in that oldPath is now newPath.
func (n *names) moved(oldPath, newPath string) {
	attr, _ := n.lookup(oldPath)
	var moved entry
	if e, ok := n.lru.Get(oldPath); ok {
		moved = *e
		moved.absent = known[bool]{}
	}
	doubtful := n.isDoubtful(oldPath)
	n.gone(newPath)
	n.links.move(oldPath, newPath)
	n.gone(oldPath)
	n.update(newPath, func(e *entry) { *e = moved })
	dir, name := split(newPath)
	n.updateListing(dir, func(l *listing) { l.set(name, attr) })
	if doubtful {
		n.doubt(newPath)
	}
}

// movedTree is moved for all that is below oldPath. What was known below
// newPath is forgotten.
func (n *names) movedTree(oldPath, newPath string) {
	n.gens.touchAll()
	n.links.moveTree(oldPath, newPath)
	for _, path := range n.lru.Keys() {
		if below(newPath, path) {
			n.lru.Remove(path)
		}
	}
	for _, path := range n.lru.Keys() {
		if !below(oldPath, path) {
			continue
		}
		e, _ := n.lru.Peek(path)
		n.lru.Remove(path)
		n.update(newPath+path[len(oldPath):], func(moved *entry) { *moved = *e })
	}
	for path := range n.doubtful {
		if below(oldPath, path) {
			delete(n.doubtful, path)
			n.doubtful[newPath+path[len(oldPath):]] = struct{}{}
		}
	}
}

// forgetTree takes in that nothing is known any more of top and what is below.
func (n *names) forgetTree(top string) {
	n.gens.touchAll()
	within := func(path string) bool { return path == top || below(top, path) }
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
	n.links.leaveTree(top)
}

// mayBeDir reports whether path is not known to be something else.
func (n *names) mayBeDir(path string) bool {
	if n.isDoubtful(path) {
		return false // it was opened
	}
	attr, v := n.lookup(path)
	return v != present || attr.IsDir()
}

// touch notes a change of the file at path. Under its other names nothing is
// known of it any more.
func (n *names) touch(path string) {
	n.gens.touch(path)
	for _, other := range n.links.others(path) {
		n.gens.touch(other)
		n.forgetAttr(other)
	}
}

// unsureAttr takes in that a change of the attributes of path failed, or may have
// happened.
func (n *names) unsureAttr(path string) {
	n.gens.touch(path)
	n.forgetAttr(path)
}

// unsure takes in that a change of path failed, or may have happened.
func (n *names) unsure(path string) {
	n.touch(path)
	n.updateKnown(path, func(e *entry) { *e = entry{} })
	dir, _ := split(path)
	n.forgetListing(dir)
	n.gens.touch(dir)
	n.forgetAttr(dir)
}

// unsureTree is unsure for top and all that is below.
func (n *names) unsureTree(top string) {
	for _, path := range n.lru.Keys() {
		if below(top, path) {
			n.lru.Remove(path)
		}
	}
	n.unsure(top)
}

// dirChanged takes in that a name was made or removed just now. To ask the server
// what time it was there would cost a round trip.
func (n *names) dirChanged(path string) {
	dir, _ := split(path)
	n.gens.touch(dir)
	stamp := func(attr *sftpconn.Attr) {
		if attr.IsDir() {
			attr.Mtime = max(attr.Mtime, n.clock.now())
		}
	}
	n.updateKnown(dir, func(e *entry) { stamp(&e.attr.value) })
	above, name := split(dir)
	n.updateListing(above, func(l *listing) { l.amend(name, stamp) })
	for n.beingFilled(dir) {
		dir, _ = split(dir)
	}
}

// beingFilled takes in that something was made or removed in dir or below it. It
// reports whether dir was made here.
func (n *names) beingFilled(dir string) bool {
	l := n.freshListing(dir)
	if l == nil || !l.made {
		return false
	}
	l.filled = time.Now()
	return true
}

// forgetAttr drops the attributes of path, but not that it exists.
func (n *names) forgetAttr(path string) {
	n.updateKnown(path, func(e *entry) {
		e.attr, e.stat, e.absent = known[sftpconn.Attr]{}, known[sftpconn.Attr]{}, known[bool]{}
	})
	dir, name := split(path)
	n.updateListing(dir, func(l *listing) { l.doubt(name) })
}

// forgetListing drops what dir holds.
func (n *names) forgetListing(dir string) {
	n.updateKnown(dir, func(e *entry) { e.listing = nil })
}

// doubt takes in that path is being written: until settle or undoubt, nothing
// about its attributes is remembered.
func (n *names) doubt(path string) {
	n.doubtful[path] = struct{}{}
	n.touch(path)
	n.forgetAttr(path)
}

// settle ends doubt with attributes that account for all that was written.
func (n *names) settle(path string, q asked, attr sftpconn.Attr) {
	sure := !n.gens.overtaken(path, q.gen)
	n.undoubt(path)
	if sure {
		n.setAttr(path, n.asking(), attr)
	}
}

func (n *names) isDoubtful(path string) bool {
	_, ok := n.doubtful[path]
	return ok
}

// undoubt ends doubt with nothing known.
func (n *names) undoubt(path string) {
	delete(n.doubtful, path)
	n.touch(path)
	n.forgetAttr(path)
}
