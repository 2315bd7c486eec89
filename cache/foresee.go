package cache

import (
	"context"
	"syscall"

	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// What is answered before it is carried out (AsyncClose) has to be sure: what it
// is about is known, and we have the right to do it. The rest waits.

// expectation is what the file at a path is going to be when all is carried out
// that was asked for at a time.
type expectation struct {
	path  string
	attr  sftpconn.Attr
	known bool
	asked known.Asked
}

// expected returns what is expected of the file at path.
func (f *FS) expected(path string) expectation {
	f.mu.Lock()
	attr, v := f.names.Lookup(path)
	c := f.opens.at(path)
	e := expectation{path, attr, v == known.Present && attr.Valid == sftpconn.AttrAll, f.names.Asking()}
	f.mu.Unlock()
	if v == known.Unknown {
		e.attr, e.known = c.foreseen()
	}
	return e
}

// holds reports whether that is still so: another program may have given the name
// to another file since. f.mu is held.
func (f *FS) holds(e expectation) bool { return e.known && !f.names.Overtaken(e.path, e.asked) }

// newcomer returns the attributes that a file of this mode is going to have that
// is made at path, if it is sure to be made. f.mu is held.
func (f *FS) newcomer(ctx context.Context, path string, mode uint32) (sftpconn.Attr, bool) {
	if !f.isFree(path) {
		return sftpconn.Attr{}, false
	}
	dir, _ := pathname.Split(path)
	folder, _ := f.mayFill(dir)
	now, grouped := f.names.Clock.Now(), f.maker.grouped
	attr := sftpconn.Attr{
		Valid: sftpconn.AttrAll, Mode: mode, UID: f.maker.uid, GID: f.maker.gid, Atime: now, Mtime: now,
	}
	if owner, given := sftpconn.OwnerIn(ctx); given && f.maker.uid == 0 {
		attr.UID, attr.GID, grouped = owner.UID, owner.GID, true
	}
	passes := folder.Mode&syscall.S_ISGID != 0
	if passes {
		attr.GID = folder.GID
		if attr.IsDir() {
			attr.Mode |= syscall.S_ISGID
		}
	}
	return attr, passes || grouped && (f.maker.plain || attr.GID == folder.GID)
}

// mayFill reports whether names can be made and removed in dir. f.mu is held.
func (f *FS) mayFill(dir string) (sftpconn.Attr, bool) {
	const writeAndSearch = 0o300
	attr, v := f.names.Lookup(dir)
	mine := attr.UID == f.maker.uid && attr.Mode&writeAndSearch == writeAndSearch
	return attr, v == known.Present && attr.IsDir() && attr.Valid == sftpconn.AttrAll && f.maker.known && (mine || f.maker.uid == 0)
}

// mayLose reports whether the file at path, with the attributes attr, can be
// removed or renamed. f.mu is held.
func (f *FS) mayLose(path string, attr sftpconn.Attr) bool {
	dir, _ := pathname.Split(path)
	folder, ok := f.mayFill(dir)
	sticky := folder.Mode&syscall.S_ISVTX != 0 && attr.UID != f.maker.uid && f.maker.uid != 0
	return ok && !sticky && f.names.Exists(path)
}

// isFree reports whether a file can get the name path, which nobody has. f.mu is
// held.
func (f *FS) isFree(path string) bool {
	dir, _ := pathname.Split(path)
	_, ok := f.mayFill(dir)
	_, v := f.names.Lookup(path)
	return ok && v == known.Absent
}

// mayGive reports whether set gives a file away, which is root's right. f.mu is
// held.
func (f *FS) mayGive(attr sftpconn.Attr, set sftpconn.SetAttr) bool {
	rest := set
	rest.Valid &^= sftpconn.AttrOwners
	return f.maker.known && f.maker.uid == 0 && attr.Mode&special == 0 && f.maker.sure(attr, rest)
}

// delivery is what has been written to a content, which may be nil, so far.
type delivery struct {
	content *content
	last    *op // nil if there is nothing left to wait for
}

// delivery returns what has been written to the file at path.
func (f *FS) delivery(path string) delivery {
	f.mu.Lock()
	c := f.opens.at(path)
	f.mu.Unlock()
	if c == nil {
		return delivery{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return delivery{c, c.queue.newest()}
}

// await waits until all of it is on the server. If some of it is lost with nobody
// told, that is its error.
func (d delivery) await(ctx context.Context) error {
	c := d.content
	if c == nil {
		return nil
	}
	if d.last != nil {
		c.push()
		if err := c.fs.progress.await(ctx, d.last.done); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.untold
}
