package fusefs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
)

var _ fs.NodeMkdirer = (*node)(nil)

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "mkdir", name)
	defer op.end(&errno)
	at := time.Now()
	var attr sftpconn.Attr
	errno = n.tree.carryOut(ctx, opMkdir, n.name(name), func(paths []string) (err error) {
		attr, err = n.tree.fsys.Mkdir(op.owned(ctx), paths[0], mode&0o7777)
		return err
	})
	if errno != 0 {
		return nil, errno
	}
	return n.newborn(ctx, name, syscall.S_IFDIR, knowledge{attr: attr, at: at}, out)
}

var _ fs.NodeRmdirer = (*node)(nil)

func (n *node) Rmdir(ctx context.Context, name string) (errno syscall.Errno) {
	ctx, op := n.begin(ctx, "rmdir", name)
	defer op.end(&errno)
	return n.remove(ctx, opRmdir, name, n.tree.fsys.Rmdir)
}

var _ fs.NodeUnlinker = (*node)(nil)

func (n *node) Unlink(ctx context.Context, name string) (errno syscall.Errno) {
	ctx, op := n.begin(ctx, "unlink", name)
	defer op.end(&errno)
	return n.remove(ctx, opRemove, name, n.tree.fsys.Remove)
}

// remove takes a name out of the directory by do.
func (n *node) remove(ctx context.Context, kind operationKind, name string, do func(context.Context, string) error) syscall.Errno {
	errno := n.tree.carryOut(ctx, kind, n.name(name), func(paths []string) error { return do(ctx, paths[0]) })
	if errno == 0 {
		n.changed()
		n.unlinked(name)
	}
	return errno
}

var _ fs.NodeRenamer = (*node)(nil)

// Rename takes RENAME_NOREPLACE (renameat2(2)); SFTP can neither exchange two
// names nor leave a whiteout.
func (n *node) Rename(ctx context.Context, name string, newParent fs.InodeEmbedder, newName string, flags uint32) (errno syscall.Errno) {
	ctx, op := n.begin(ctx, "rename", name)
	defer op.end(&errno)
	to, ok := newParent.(*node)
	if !ok || flags&^unix.RENAME_NOREPLACE != 0 {
		return syscall.EINVAL
	}
	op.to = place{to, newName}
	where := func() (paths []string, errno syscall.Errno) {
		oldPath, errno := n.pathOf(name)
		if errno != 0 {
			return nil, errno
		}
		newPath, errno := to.pathOf(newName)
		return []string{oldPath, newPath}, errno
	}
	paths, errno := where()
	if errno != 0 {
		return errno
	}
	replace := flags&unix.RENAME_NOREPLACE == 0
	kind := opRename
	if !replace {
		kind = opRenameNew
	}
	replaced := nodeOf(to.GetChild(newName))
	moving := n.tree.moves.begin(paths[0], paths[1])
	defer n.tree.moves.end(moving)
	errno = replaced.replacing(paths[1], func() syscall.Errno {
		return n.tree.carryOut(ctx, kind, where, func(paths []string) error {
			return n.tree.fsys.Rename(ctx, paths[0], paths[1], replace)
		})
	})
	if errno != 0 {
		return errno
	}
	n.changed()
	to.changed()
	to.unlinked(newName)
	if child := nodeOf(n.GetChild(name)); child != nil {
		child.statusChanged()
		child.arrive(paths[1])
	}
	n.tree.numbers.move(n.StableAttr().Ino, name, to.StableAttr().Ino, newName)
	return 0
}

var _ fs.NodeOpendirHandler = (*node)(nil)

func (n *node) OpendirHandle(ctx context.Context, _ uint32) (fh fs.FileHandle, reply uint32, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "opendir", "")
	defer op.end(&errno)
	d := &dirHandle{node: n}
	if errno := d.list(ctx); errno != 0 {
		return nil, 0, errno
	}
	return d, 0, 0
}
