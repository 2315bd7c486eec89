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

var _ fs.NodeGetattrer = (*node)(nil)

func (n *node) Getattr(ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut) (errno syscall.Errno) {
	ctx, op := n.begin(ctx, "getattr", "")
	defer op.end(&errno)
	if n.EmbeddedInode().IsRoot() {
		return n.getattrOfRoot(ctx, &out.Attr)
	}
	at := time.Now()
	attr, linked, errno := n.attr(ctx)
	if errno != 0 {
		return errno
	}
	out.SetTimeout(n.tell(&out.Attr, attr, at))
	if !linked {
		out.Nlink = 0
	}
	return 0
}

// attr asks for the node's attributes: by its path, or if no name leads to it
// any more, through an open file. The kernel does not say whether a program
// asked with stat(2) or fstat(2).
func (n *node) attr(ctx context.Context) (attr sftpconn.Attr, linked bool, errno syscall.Errno) {
	path, linked := n.path()
	if h := n.anyHandle(); h != nil && linked && n.isLeaving(path) {
		attr, err := h.file.Attr(ctx)
		return attr, true, n.tree.errno(ctx, opStat, err)
	}
	if linked {
		attr, err := n.tree.stat(ctx, path)
		if h := n.anyHandle(); h != nil && n.isLeaving(path) { // by now
			attr, err := h.file.Attr(ctx)
			return attr, true, n.tree.errno(ctx, opStat, err)
		}
		switch {
		case err == nil && attr.Type() != n.Mode() && attr.Type() != 0:
			return attr, true, syscall.ESTALE // the kernel looks it up anew
		case err == nil:
			return attr, true, 0
		case !errors.Is(err, iofs.ErrNotExist):
			return attr, true, n.tree.errno(ctx, opStat, err, path)
		}
	}
	if h := n.anyHandle(); h != nil {
		attr, err := h.file.Attr(ctx)
		return attr, false, n.tree.errno(ctx, opStat, err)
	}
	if linked {
		return attr, true, syscall.ENOENT
	}
	// A directory, or a file held by O_PATH. It has no open file on the
	// server to ask.
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told.attr.Valid == 0 {
		return attr, false, syscall.ESTALE
	}
	return n.told.attr, false, 0
}

var _ fs.NodeSetattrer = (*node)(nil)

func (n *node) Setattr(ctx context.Context, fh fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) (errno syscall.Errno) {
	ctx, op := n.begin(ctx, "setattr", "")
	defer op.end(&errno)
	set, errno := n.change(ctx, in)
	if errno != 0 {
		return errno
	}
	op.Set = set
	at := time.Now()
	kind := kindOf(in)
	attr, linked, errno := n.setAttr(ctx, fh, kind, set)
	switch {
	case errno == syscall.EIO && kind == opSetSize && n.tree.noneSoLarge(ctx, n, set.Size):
		return syscall.EFBIG
	case errno != 0:
		n.changed() // it may have been
		return errno
	case set.Valid == sftpconn.AttrSize:
		n.changed()
	default:
		n.statusChanged()
	}
	out.SetTimeout(n.tell(&out.Attr, attr, at))
	if !linked {
		out.Nlink = 0
	}
	out.Ino = n.StableAttr().Ino // go-fuse adds it to the other replies by itself
	return 0
}

// change translates what the kernel wants changed. SFTP changes owner and
// group, and both times, only together; a missing half is taken from the
// current attributes.
func (n *node) change(ctx context.Context, in *fuse.SetAttrIn) (sftpconn.SetAttr, syscall.Errno) {
	var set sftpconn.SetAttr
	size, hasSize := in.GetSize()
	mode, hasMode := in.GetMode()
	uid, hasUID := in.GetUID()
	gid, hasGID := in.GetGID()
	atime, hasAtime := in.GetATime()
	mtime, hasMtime := in.GetMTime()
	if hasUID != hasGID || hasAtime != hasMtime {
		current, _, errno := n.attr(ctx)
		if errno != 0 {
			return set, errno
		}
		set.Attr = current
	}
	set.Valid = 0
	set.NoFollow = n.Mode() == syscall.S_IFLNK
	if hasSize {
		set.Valid |= sftpconn.AttrSize
		set.Size = size
	}
	if hasMode {
		set.Valid |= sftpconn.AttrMode
		set.Mode = mode
	}
	if hasUID || hasGID {
		set.Valid |= sftpconn.AttrOwners
	}
	if hasUID {
		set.UID = uid
	}
	if hasGID {
		set.GID = gid
	}
	if hasAtime || hasMtime {
		set.Valid |= sftpconn.AttrTimes
	}
	if hasAtime {
		set.Atime = seconds(atime)
	}
	if hasMtime {
		set.Mtime = seconds(mtime)
	}
	return set, 0
}

// seconds returns t as SFTP carries it, at the nearer end of its range if it
// lies outside.
func seconds(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 0), 1<<32-1))
}

// kindOf returns what a change of attributes asks for: the errors differ.
func kindOf(in *fuse.SetAttrIn) operationKind {
	const times, now = fuse.FATTR_ATIME | fuse.FATTR_MTIME, fuse.FATTR_ATIME_NOW | fuse.FATTR_MTIME_NOW
	const others = fuse.FATTR_MODE | fuse.FATTR_UID | fuse.FATTR_GID
	switch {
	case in.Valid&fuse.FATTR_SIZE != 0:
		return opSetSize
	case in.Valid&others == 0 && in.Valid&times == times && in.Valid&now == now:
		return opSetNow
	}
	return opSetAttr
}

// setAttr changes attributes through fh, if the kernel gave one; by path; or
// through an open file, if no name leads to the node any more.
func (n *node) setAttr(ctx context.Context, fh fs.FileHandle, kind operationKind, set sftpconn.SetAttr) (attr sftpconn.Attr, linked bool, errno syscall.Errno) {
	var paths []string
	path, linked := n.path()
	if linked {
		paths = []string{path}
	}
	h, _ := fh.(*handle)
	if h == nil && linked {
		attr, err := n.tree.fsys.SetAttr(ctx, path, set)
		if !errors.Is(err, iofs.ErrNotExist) {
			return attr, true, n.tree.errno(ctx, kind, err, paths...)
		}
		linked = false
	}
	if h == nil {
		h = n.anyHandle()
	}
	if h == nil {
		return attr, false, syscall.ENOENT
	}
	pending := h.file.SetAttr(set)
	attr, attrErr := h.file.Attr(ctx)
	err := pending.Wait(ctx)
	if err == nil {
		err = attrErr
	}
	return attr, linked, n.tree.errno(ctx, kind, err, paths...)
}
