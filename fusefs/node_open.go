package fusefs

import (
	"context"
	"errors"
	iofs "io/fs"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

// openFlags translates the flags of open(2). O_CREAT and O_EXCL come only with
// Create; the kernel keeps O_NOFOLLOW and the like to itself.
func openFlags(flags uint32) sftpconn.OpenFlags {
	var f sftpconn.OpenFlags
	switch flags & syscall.O_ACCMODE {
	case syscall.O_RDONLY:
		f = sftpconn.Read
	case syscall.O_WRONLY:
		f = sftpconn.Write
	case syscall.O_RDWR:
		f = sftpconn.Read | sftpconn.Write
	}
	if flags&syscall.O_APPEND != 0 && f&sftpconn.Write != 0 {
		f |= sftpconn.Append
	}
	if flags&syscall.O_TRUNC != 0 {
		f |= sftpconn.Truncate
	}
	return f
}

var _ fs.NodeOpener = (*node)(nil)

func (n *node) Open(ctx context.Context, flags uint32) (fh fs.FileHandle, reply uint32, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "open", "")
	defer op.end(&errno)
	if errno := n.settle(ctx); errno != 0 {
		return nil, 0, errno
	}
	f := openFlags(flags)
	op.Flags = f
	if f == sftpconn.Read && !n.hasPages() {
		ctx = sftpconn.Unread(ctx)
	}
	var file sftpconn.File
	var attr sftpconn.Attr
	var err error
	where, replaced := n.steady, false
	if successor := n.successor(f); successor != nil {
		where, replaced = successor, true
	}
	errno = n.tree.carryOut(ctx, opOpen, where, func(paths []string) error {
		file, attr, err = n.tree.fsys.Open(ctx, paths[0], f, 0)
		return err
	})
	switch {
	case errors.Is(err, iofs.ErrNotExist), errno == syscall.EISDIR:
		// The kernel knows the name longer than the server. Told so, it
		// looks the name up again, and creates the file if the program
		// asked for that: without O_CREAT it says ENOENT by itself.
		return nil, 0, syscall.ESTALE
	case errno != 0:
		return nil, 0, errno
	}
	if _, gone := n.steady(); gone != 0 && f == sftpconn.Read {
		replaced = true // or about to be: it may be either file
	}
	if typ := attr.Type(); typ != 0 && typ != n.Mode() || replaced && !n.standsFor(attr) {
		_ = file.Close(ctx)
		return nil, 0, syscall.ESTALE
	}
	if f&sftpconn.Truncate != 0 && op.UID != 0 {
		attr = dropSetID(ctx, file, attr)
	}
	reply = n.cacheFlags(ctx, attr, f)
	if replaced {
		reply = fuse.FOPEN_DIRECT_IO // what is written to it does not reach the node's pages
	}
	return n.opened(op, file, f, flags), reply, 0
}

// steady returns where the node is, if it does not leave that place just now: on
// ESTALE the kernel looks the name up anew.
func (n *node) steady() ([]string, syscall.Errno) {
	path, ok := n.path()
	if !ok || n.isLeaving(path) {
		return nil, syscall.ESTALE
	}
	return []string{path}, 0
}

// successor returns where the file is that has replaced the node, if it was replaced
// since the kernel looked its name up, and a program is going to read. On ESTALE the
// kernel looks the name up anew, but only once: where a file is replaced again and
// again, it may be too late again, and the program would be told. A node that is open
// cannot stand for the other file as well.
func (n *node) successor(f sftpconn.OpenFlags) whereabouts {
	path, linked := n.path()
	n.mu.Lock()
	defer n.mu.Unlock()
	left := n.leaving.path
	if f != sftpconn.Read || left == "" || linked && path != left || len(n.handles) > 0 {
		return nil
	}
	return func() ([]string, syscall.Errno) { return []string{left}, 0 }
}

// standsFor reports whether the node can stand for another file, of attr: it is not open,
// and who may open it, by what the kernel knows, may open that one.
func (n *node) standsFor(attr sftpconn.Attr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	told := n.told.attr
	return len(n.handles) == 0 && told.Valid&attr.Valid&permissions == permissions &&
		told.Mode == attr.Mode && told.UID == attr.UID && told.GID == attr.GID
}

const permissions = sftpconn.AttrMode | sftpconn.AttrOwners

// dropSetID takes the set-user-ID and set-group-ID bits from a file that an
// ordinary user's open(2) has cut off. The kernel sees to that for all changes
// of contents but this one, which goes along with the open. A server whose
// session is not root's has done it already.
func dropSetID(ctx context.Context, file sftpconn.File, attr sftpconn.Attr) sftpconn.Attr {
	drop := attr.Mode & syscall.S_ISUID
	if attr.Mode&syscall.S_IXGRP != 0 {
		drop |= attr.Mode & syscall.S_ISGID
	}
	if drop == 0 || attr.Valid&sftpconn.AttrMode == 0 {
		return attr
	}
	set := sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: attr.Mode &^ drop}
	if file.SetAttr(sftpconn.SetAttr{Attr: set}).Wait(ctx) == nil {
		attr.Mode &^= drop
	}
	return attr
}

// cacheFlags decides what becomes of the pages and attributes that the kernel
// holds of a file, now that it is opened and its attributes are attr.
//
// Whatever was closed elsewhere before must be seen. Pages stay only if the
// file has the size and mtime that it had when the pages before were dropped,
// and that mtime was old enough then. And since the reply to OPEN carries no
// attributes, while reads and stat(2) trust the size that the kernel knows for
// as long as AttrTimeout, the kernel must forget it first if it is wrong.
func (n *node) cacheFlags(ctx context.Context, attr sftpconn.Attr, flags sftpconn.OpenFlags) uint32 {
	opts := &n.tree.opts
	now := time.Now()
	v, sure := versionOf(attr, now)
	n.mu.Lock()
	keep := sure && v == n.pages && !opts.NoAutoCache
	n.pages = version{}
	if sure {
		n.pages = v
	}
	wrong := n.told.contradicts(attr)
	n.told = knowledge{attr: attr, at: now}
	n.mu.Unlock()

	if flags&sftpconn.Truncate != 0 {
		n.changed() // and the kernel knows
	} else if wrong {
		n.tree.notifier.forgetAttributes(ctx, n.EmbeddedInode())
	}
	switch {
	case opts.DirectIO:
		return fuse.FOPEN_DIRECT_IO
	case keep || opts.KernelCache:
		return fuse.FOPEN_KEEP_CACHE
	}
	return 0
}

// hasPages reports whether the kernel may hold pages of the file.
func (n *node) hasPages() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pages != version{}
}

// opened returns the handle for a file of the node that op has just opened.
func (n *node) opened(op *operation, file sftpconn.File, f sftpconn.OpenFlags, flags uint32) *handle {
	h := &handle{node: n, file: file, flags: f, number: n.tree.opened.Add(1)}
	// Linux syncs what goes through its page cache (O_SYNC has the bit O_DSYNC, too).
	h.syncs = n.tree.opts.DirectIO && flags&syscall.O_DSYNC != 0
	op.File = h.number
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handles = append(n.handles, h)
	return h
}

var _ fs.NodeCreater = (*node)(nil)

func (n *node) Create(ctx context.Context, name string, flags uint32, mode uint32, out *fuse.EntryOut) (inode *fs.Inode, fh fs.FileHandle, reply uint32, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "create", name)
	defer op.end(&errno)
	f := openFlags(flags) | sftpconn.Create
	if flags&syscall.O_EXCL != 0 {
		f |= sftpconn.Excl
	}
	op.Flags = f
	inode, file, errno := n.create(op.owned(ctx), name, f, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	if n.tree.opts.DirectIO {
		reply = fuse.FOPEN_DIRECT_IO
	}
	return inode, nodeOf(inode).opened(op, file, f, flags), reply, 0
}

// create opens a file that is to be created.
func (n *node) create(ctx context.Context, name string, f sftpconn.OpenFlags, mode uint32, out *fuse.EntryOut) (*fs.Inode, sftpconn.File, syscall.Errno) {
	at := time.Now()
	op := opCreate
	if f&sftpconn.Excl != 0 {
		op = opCreateNew
	}
	var file sftpconn.File
	var attr sftpconn.Attr
	errno := n.tree.carryOut(ctx, op, n.name(name), func(paths []string) (err error) {
		file, attr, err = n.tree.fsys.Open(ctx, paths[0], f, mode&0o7777)
		return err
	})
	if errno != 0 {
		return nil, nil, errno
	}
	inode, errno := n.newborn(ctx, name, syscall.S_IFREG, knowledge{attr: attr, at: at}, out)
	if errno != 0 {
		_ = file.Close(ctx)
		return nil, nil, errno
	}
	return inode, file, 0
}

var _ fs.NodeMknoder = (*node)(nil)

// Mknod makes a regular file. SFTP version 3 cannot make others.
func (n *node) Mknod(ctx context.Context, name string, mode uint32, _ uint32, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "mknod", name)
	defer op.end(&errno)
	if typ := mode & syscall.S_IFMT; typ != 0 && typ != syscall.S_IFREG {
		return nil, syscall.EPERM
	}
	f := sftpconn.Write | sftpconn.Create | sftpconn.Excl
	inode, file, errno := n.create(op.owned(ctx), name, f, mode, out)
	if errno != 0 {
		return nil, errno
	}
	_ = file.Close(ctx)
	return inode, 0
}
