package fusefs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// maxListingAge is how long the attributes in a listing are passed on. After
// that the kernel asks for each file that a program wants to know of.
const maxListingAge = 5 * time.Second

// dots is how many entries come before those of the listing: "." and "..".
const dots = 2

// dirHandle is an open directory with its listing, which is whole from the
// start: what changes while a program reads is neither lost nor seen twice.
// go-fuse serialises the calls on one handle.
type dirHandle struct {
	node    *node
	entries []sftpconn.DirEntry
	taken   time.Time // when the listing was asked for
	next    int       // index of the entry to read next, dots included
}

// list takes the listing, and starts over.
func (d *dirHandle) list(ctx context.Context) syscall.Errno {
	d.next, d.taken = 0, time.Now()
	path, ok := d.node.path()
	if !ok {
		d.entries = nil // a removed directory is empty
		return 0
	}
	entries, err := d.node.tree.fsys.ReadDir(ctx, path)
	if err != nil {
		return d.node.tree.errno(ctx, opReadDir, err, path)
	}
	d.entries = entries
	return 0
}

var _ fs.FileReaddirenter = (*dirHandle)(nil)

func (d *dirHandle) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	if d.next >= len(d.entries)+dots {
		return nil, 0
	}
	entry := d.dirEntry(d.next)
	d.next++
	entry.Off = uint64(d.next)
	return entry, 0
}

// dirEntry returns the entry at an index.
func (d *dirHandle) dirEntry(index int) *fuse.DirEntry {
	dir := d.node
	switch index {
	case 0:
		return &fuse.DirEntry{Name: ".", Mode: syscall.S_IFDIR, Ino: dir.StableAttr().Ino}
	case 1:
		ino := uint64(rootIno)
		if _, parent := dir.Parent(); parent != nil {
			ino = parent.StableAttr().Ino
		}
		return &fuse.DirEntry{Name: "..", Mode: syscall.S_IFDIR, Ino: ino}
	}
	entry := &d.entries[index-dots]
	typ := entry.Attr.Type()
	_, valid := fileType(entry.Attr)
	if !valid || typ == syscall.S_IFLNK && dir.tree.opts.FollowSymlinks {
		typ = 0 // a lookup will tell
	}
	var ino uint64
	if child := dir.GetChild(entry.Name); child != nil && (child.Mode() == typ || typ == 0) {
		ino = child.StableAttr().Ino
	} else {
		ino = dir.tree.numbers.of(dir.StableAttr().Ino, entry.Name, typ).ino
	}
	return &fuse.DirEntry{Name: entry.Name, Mode: typ, Ino: ino}
}

var _ fs.FileSeekdirer = (*dirHandle)(nil)

// Seekdir goes to where an entry that was read said that it ended. To the
// start, it takes the listing anew, as rewinddir(3) demands.
func (d *dirHandle) Seekdir(ctx context.Context, off uint64) (errno syscall.Errno) {
	if off == 0 {
		ctx, op := d.node.begin(ctx, "rewinddir", "")
		defer op.end(&errno)
		return d.list(ctx)
	}
	d.next = int(min(off, uint64(len(d.entries)+dots)))
	return 0
}

var _ fs.FileLookuper = (*dirHandle)(nil)

// Lookup answers READDIRPLUS for the entry that was read last, from the listing
// and without a request. If that cannot be trusted, it fails: the kernel then
// takes the entry without attributes, and looks it up if a program wants them.
func (d *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	index := d.next - 1 - dots
	if index < 0 || index >= len(d.entries) || d.entries[index].Name != name {
		return nil, syscall.ENOENT // the kernel seeks backwards
	}
	attr := d.entries[index].Attr
	if attr.Valid != sftpconn.AttrAll || time.Since(d.taken) > maxListingAge ||
		attr.IsSymlink() && d.node.tree.opts.FollowSymlinks {
		return nil, syscall.ENOENT
	}
	if child := nodeOf(d.node.GetChild(name)); child != nil && child.knowsSince(d.taken) {
		return nil, syscall.ENOENT
	}
	return d.node.child(ctx, name, attr, d.taken, out)
}

// knowsSince reports whether more is known of the node than at some time.
func (n *node) knowsSince(at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told.at.After(at) {
		return true
	}
	for _, h := range n.handles {
		if h.flags&sftpconn.Write != 0 {
			return true
		}
	}
	return false
}

var _ fs.FileFsyncdirer = (*dirHandle)(nil)

// dirSyncer is an FS that may answer changes before it makes them.
type dirSyncer interface {
	// SyncDir waits until all that was answered is made. It returns an error of
	// what failed in or below the directory with nobody told.
	SyncDir(ctx context.Context, dir string) error
}

// Fsyncdir waits for what was answered and is not made yet, if there is such a
// thing. SFTP cannot sync a directory, and programs that do it to be safe must
// not fail for that.
func (d *dirHandle) Fsyncdir(ctx context.Context, _ uint32) (errno syscall.Errno) {
	syncer, ok := d.node.tree.fsys.(dirSyncer)
	if !ok {
		return 0
	}
	ctx, op := d.node.begin(ctx, "fsyncdir", "")
	defer op.end(&errno)
	path, linked := d.node.path()
	if !linked {
		path = d.node.tree.opts.Root
	}
	return d.node.tree.errno(ctx, opWrite, syncer.SyncDir(ctx, path), path)
}
