package fusefs

import (
	"context"
	"math"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sftpmount/sftpconn"
)

var _ fs.NodeSymlinker = (*node)(nil)

// Symlink makes a symbolic link. The target goes to the server as it is, even
// if it will not be shown (see Readlink): the link may be meant for others.
func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "symlink", name)
	defer op.end(&errno)
	op.Target = target
	at := time.Now()
	var attr sftpconn.Attr
	errno = n.tree.carryOut(ctx, opSymlink, n.name(name), func(paths []string) (err error) {
		attr, err = n.tree.fsys.Symlink(op.owned(ctx), target, paths[0])
		return err
	})
	if errno != 0 {
		return nil, errno
	}
	inode, errno = n.newborn(ctx, name, syscall.S_IFLNK, knowledge{attr: attr, at: at}, out)
	if errno == 0 && leadsOut(target) && len(target) <= maxTarget {
		made := nodeOf(inode)
		made.mu.Lock()
		made.target = target
		made.mu.Unlock()
		n.tree.numbers.setTarget(n.StableAttr().Ino, name, target)
	}
	return inode, errno
}

// maxTarget bounds the targets that are remembered for trust, in bytes.
const maxTarget = 512

// leadsOut reports whether target can lead out of the mount, and to what the server has
// no say in: it is absolute, or goes up from where the link lies, which programs here
// decide.
func leadsOut(target string) bool {
	return strings.HasPrefix(target, "/") || strings.HasPrefix(target, "..") && contained(target, math.MaxInt)
}

// trusts reports whether a program here made the link to read as target.
func (n *node) trusts(target string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.target != "" && n.target == target
}

var _ fs.NodeReadlinker = (*node)(nil)

// Readlink reads a symbolic link. The kernel resolves what it reads as, so a
// target that can lead out of the mount is EPERM unless NoContainSymlinks, or a
// program here asked for that very target: then it is not the server's idea.
// The kernel does not remember the answer: it changes when a folder above moves.
func (n *node) Readlink(ctx context.Context) (reads []byte, errno syscall.Errno) {
	ctx, op := n.begin(ctx, "readlink", "")
	defer op.end(&errno)
	path, ok := n.path()
	if !ok {
		return nil, syscall.ESTALE
	}
	target, err := n.tree.fsys.Readlink(ctx, path)
	if err != nil {
		return nil, n.tree.errno(ctx, opReadlink, err, path)
	}
	// It may have been moved meanwhile, or be about to be.
	now, ok := n.path()
	if !ok {
		return nil, syscall.ESTALE
	}
	opts := &n.tree.opts
	depth := opts.depth(now)
	trusted := opts.NoContainSymlinks || n.trusts(target)
	if opts.TransformSymlinks {
		target = transformed(target, opts.Root, depth)
	}
	if !trusted && !contained(target, depth-n.tree.moves.rise(now)) {
		return nil, syscall.EPERM
	}
	return []byte(target), 0
}

// depth returns how many directories lie between the root and the file at path.
func (o *Options) depth(path string) int {
	rest := strings.TrimPrefix(path, strings.TrimSuffix(o.Root, "/")+"/")
	return strings.Count(rest, "/")
}

var _ fs.NodeLinker = (*node)(nil)

// Link makes a hard link. Both names lead to one inode as long as the kernel
// knows it; SFTP does not tell which files are linked elsewhere.
//
// Symbolic links are told apart: Readlink is asked for an inode, and what it may
// answer depends on the folder that the link was found in.
func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (inode *fs.Inode, errno syscall.Errno) {
	if n.tree.opts.NoHardLinks {
		return nil, syscall.ENOSYS
	}
	old, ok := target.(*node)
	if !ok {
		return nil, syscall.EXDEV
	}
	ctx, op := old.begin(ctx, "link", "")
	defer op.end(&errno)
	op.to = place{n, name}
	at := time.Now()
	var attr sftpconn.Attr
	var newPath string
	errno = n.tree.carryOut(ctx, opLink, old.linked(n, name), func(paths []string) (err error) {
		newPath = paths[1]
		attr, err = n.tree.fsys.Link(ctx, paths[0], newPath)
		return err
	})
	if errno != 0 {
		return nil, errno
	}
	if old.Mode() == syscall.S_IFLNK {
		return n.newborn(ctx, name, syscall.S_IFLNK, knowledge{attr: attr, at: at}, out)
	}
	n.changed()
	n.lose(name)
	old.mu.Lock()
	old.links++
	old.mu.Unlock()
	old.statusChanged()
	old.arrive(newPath)
	out.SetAttrTimeout(old.tell(&out.Attr, attr, at))
	return old.EmbeddedInode(), 0
}

// linked returns where the node is, and where its further name in dir.
func (n *node) linked(dir *node, name string) whereabouts {
	return func() ([]string, syscall.Errno) {
		path, ok := n.path()
		if !ok {
			return nil, syscall.ENOENT
		}
		further, errno := dir.pathOf(name)
		return []string{path, further}, errno
	}
}
