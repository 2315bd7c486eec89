package fusefs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// node is a file that the kernel knows.
type node struct {
	fs.Inode
	tree *tree

	mu      sync.Mutex
	handles []*handle // that are open
	leaving leaving
	links   uint32    // names: 1, and those made here since the node is known
	ctime   time.Time // of the last change of status made here; zero: none known
	target  string    // absolute one of a symbolic link made here; empty: none known
	told    knowledge
	pages   version // of the pages that the kernel may hold; zero: none known
	changes uint64  // of the contents, made here
	flushed uint64  // of these, what the server has for sure
}

// path returns the remote path of the node. It is false if no name leads to the
// node any more.
func (n *node) path() (string, bool) {
	var names []string
	for inode := n.EmbeddedInode(); !inode.IsRoot(); {
		name, parent := inode.Parent()
		if parent == nil {
			return "", false
		}
		names = append(names, name)
		inode = parent
	}
	if len(names) == 0 {
		return n.tree.opts.Root, true
	}
	slices.Reverse(names)
	return join(n.tree.opts.Root, strings.Join(names, "/")), true
}

// join returns the path of a name in a directory, which may be "/".
func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }

// pathOf returns the remote path of a name in the directory.
func (n *node) pathOf(name string) (string, syscall.Errno) {
	dir, ok := n.path()
	if !ok {
		return "", syscall.ENOENT // the directory was removed
	}
	if len(name) > maxName {
		return "", syscall.ENAMETOOLONG // whether or not such a name is known to be absent
	}
	return join(dir, name), 0
}

// name returns where a name in the directory is.
func (n *node) name(name string) whereabouts {
	return func() ([]string, syscall.Errno) {
		path, errno := n.pathOf(name)
		return []string{path}, errno
	}
}

// nodeOf returns the node of an inode, nil if there is none.
func nodeOf(inode *fs.Inode) *node {
	if inode == nil {
		return nil
	}
	n, _ := inode.Operations().(*node)
	return n
}

// child returns the inode for a name that the FS has just told of, known or
// new, and tells the kernel its attributes as of the time at.
func (n *node) child(ctx context.Context, name string, attr sftpconn.Attr, at time.Time, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	typ, ok := fileType(attr)
	if !ok {
		return nil, syscall.EIO
	}
	known := nodeOf(n.GetChild(name))
	if known != nil && (known.Mode() != typ || known.splits(attr)) {
		n.lose(name)
		known = nil
	}
	if known == nil {
		number := n.tree.numbers.of(n.StableAttr().Ino, name, typ)
		known = &node{tree: n.tree, links: 1, ctime: number.ctime, target: number.target}
		n.NewInode(ctx, known, fs.StableAttr{Mode: typ, Ino: number.ino})
		n.tree.pruner.add(n.EmbeddedInode(), name)
	}
	out.SetAttrTimeout(known.tell(&out.Attr, attr, at))
	return known.EmbeddedInode(), 0
}

// newborn is child for a file of type typ that was just made: whatever was
// known under its name is another one.
func (n *node) newborn(ctx context.Context, name string, typ uint32, made knowledge, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.changed()
	n.lose(name)
	switch made.attr.Type() {
	case 0:
		made.attr.Mode = typ | made.attr.Mode&0o7777
		made.attr.Valid |= sftpconn.AttrMode
	case typ:
	case syscall.S_IFDIR, syscall.S_IFREG:
		if typ != syscall.S_IFLNK {
			return nil, syscall.ESTALE // it was replaced on the server by now
		}
		// Some servers follow links whatever they are asked, such as ProFTPD.
		made.attr = sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: syscall.S_IFLNK | 0o777}
	default:
		return nil, syscall.ESTALE
	}
	return n.child(ctx, name, made.attr, made.at, out)
}

// lose unties a name from the file that is known under it.
func (n *node) lose(name string) {
	n.unlinked(name)
	n.RmChild(name)
}

// unlinked counts the end of a name that go-fuse is about to take out of its
// tree.
func (n *node) unlinked(name string) {
	n.tree.numbers.forget(n.StableAttr().Ino, name)
	if child := nodeOf(n.GetChild(name)); child != nil {
		child.mu.Lock()
		child.links = max(child.links, 2) - 1
		child.mu.Unlock()
		child.statusChanged()
	}
}

// splits reports whether one of the node's several names has come to mean
// another file. That cannot be seen for sure, so any change that was not made
// here is taken for it: two names of one file shown as two files do no harm,
// two files shown as one do.
func (n *node) splits(attr sftpconn.Attr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.links > 1 && n.told.contradicts(attr)
}

// tell writes what the FS said of the node at some time into a reply. It returns for
// how long the kernel may keep that.
func (n *node) tell(out *fuse.Attr, attr sftpconn.Attr, at time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = knowledge{attr: attr, at: at}
	n.tree.opts.show(out, attr, n.links)
	out.SetTimes(nil, nil, new(n.changeTime()))
	writable := func(h *handle) bool { return h.flags&sftpconn.Write != 0 }
	if n.changes != n.flushed && slices.ContainsFunc(n.handles, writable) {
		return foreseenTimeout
	}
	return n.tree.opts.AttrTimeout
}

// foreseenTimeout is for attributes of a file with writes that no close(2) or fsync(2)
// has waited for: the mtime may be foreseen, and be another once the server says it. It
// is not zero, since go-fuse puts its default in place of that.
const foreseenTimeout = time.Nanosecond

// changed says that the file was changed here: what the kernel was told of it
// is out of date, and it knows.
func (n *node) changed() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told.at, n.told.stale = time.Now(), true
	n.changes++
}

// statusChanged is changed for mode, owner, times and names, which move the
// ctime. SFTP does not carry that, so what is known of it here is kept.
func (n *node) statusChanged() {
	n.mu.Lock()
	now, last := time.Now(), n.changeTime()
	if !now.After(last) { // the server's clock is ahead
		now = last.Add(1)
	}
	n.ctime = now
	n.told.at, n.told.stale = now, true
	n.mu.Unlock()
	if name, parent := n.Parent(); parent != nil {
		n.tree.numbers.setCtime(parent.StableAttr().Ino, name, now)
	}
}

// changeTime returns the ctime as far as it is known: no earlier than the last
// change of the contents. n.mu is held.
func (n *node) changeTime() time.Time {
	mtime := time.Unix(int64(n.told.attr.Mtime), 0)
	if n.ctime.After(mtime) {
		return n.ctime
	}
	return mtime
}

// anyHandle returns one of the node's open files: for writing, if there is one.
func (n *node) anyHandle() *handle {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found *handle
	for _, h := range n.handles {
		if found == nil || h.flags&sftpconn.Write != 0 {
			found = h
		}
	}
	return found
}

var _ fs.NodeLookuper = (*node)(nil)

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "lookup", name)
	defer op.end(&errno)
	path, errno := n.pathOf(name)
	if errno != 0 {
		return nil, errno
	}
	var before *fs.Inode
	var at time.Time
	var attr sftpconn.Attr
	var err error
	for {
		if before, errno = n.settledChild(ctx, name, path); errno != 0 {
			return nil, errno
		}
		at = time.Now()
		attr, err = n.tree.stat(ctx, path)
		if child := nodeOf(n.GetChild(name)); child == nil || !child.isLeaving(path) {
			break // else the answer may be of another file than the child
		}
	}
	if err != nil {
		errno := n.tree.errno(ctx, opStat, err, path)
		if errno == syscall.ENOENT && before != nil && n.GetChild(name) == before {
			n.lose(name) // it was removed on the server
		}
		return nil, errno
	}
	return n.child(ctx, name, attr, at, out)
}

var _ fs.NodeAccesser = (*node)(nil)

// Access lets everything pass but the execution of a file that nobody may
// execute: the server decides at the operation itself. With default_permissions
// the kernel decides, and does not ask.
func (n *node) Access(ctx context.Context, mask uint32) (errno syscall.Errno) {
	const execute = 1 // X_OK
	if mask&execute == 0 || n.Mode() != syscall.S_IFREG {
		return 0
	}
	ctx, op := n.begin(ctx, "access", "")
	defer op.end(&errno)
	attr, _, errno := n.attr(ctx)
	if errno == 0 && attr.Valid&sftpconn.AttrMode != 0 && attr.Mode&0o111 == 0 {
		return syscall.EACCES
	}
	return errno
}

var _ fs.NodeStatfser = (*node)(nil)

// Statfs describes the remote file system. Where the server cannot, all counts
// are zero, which df(1) takes for unknown.
func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) (errno syscall.Errno) {
	ctx, op := n.begin(ctx, "statfs", "")
	defer op.end(&errno)
	path, ok := n.path()
	if !ok {
		path = n.tree.opts.Root
	}
	st, err := n.tree.statVFS(ctx, path)
	if errors.Is(err, errors.ErrUnsupported) {
		out.Bsize, out.Frsize, out.NameLen = blockSize, blockSize, 255
		return 0
	}
	if err != nil {
		return n.tree.errno(ctx, opStat, err, path)
	}
	out.Bsize, out.Frsize = uint32(st.BlockSize), uint32(st.FragmentSize)
	out.Blocks, out.Bfree, out.Bavail = st.Blocks, st.BlocksFree, st.BlocksAvail
	out.Files, out.Ffree = st.Files, st.FilesFree
	out.NameLen = uint32(st.MaxNameLength)
	return 0
}
