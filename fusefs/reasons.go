package fusefs

import (
	"context"
	"path"
	"syscall"

	"sftpmount/sftpconn"
)

// operationKind says what a request of the kernel wanted of the FS.
type operationKind int

const (
	opStat operationKind = iota
	opSetSize
	opSetAttr // mode, owner or times
	opOpen
	opCreate
	opCreateNew // O_EXCL
	opRead
	opWrite
	opReadDir
	opMkdir
	opRmdir
	opRemove
	opRename
	opRenameNew // RENAME_NOREPLACE
	opSymlink
	opReadlink
	opLink
)

var operationNames = [...]string{"stat", "truncate", "change attributes", "open",
	"create", "create", "read", "write", "list", "mkdir", "rmdir", "remove",
	"rename", "rename", "symlink", "readlink", "link"}

func (op operationKind) String() string { return operationNames[op] }

// denied is what SSH_FX_PERMISSION_DENIED stands for, which servers send for
// both EACCES and EPERM: attributes are the owner's to change.
func (op operationKind) denied() syscall.Errno {
	if op == opSetAttr {
		return syscall.EPERM
	}
	return syscall.EACCES
}

// unsupported is what an operation says that the server lacks. POSIX has EPERM
// for file systems without hard or symbolic links.
func (op operationKind) unsupported() syscall.Errno {
	switch op {
	case opLink, opSymlink:
		return syscall.EPERM
	case opRename, opRenameNew:
		return syscall.EINVAL
	}
	return syscall.EOPNOTSUPP
}

// reason is a cause of SSH_FX_FAILURE, the one code for most errors, that can
// be seen by looking at the server.
type reason struct {
	errno syscall.Errno
	holds func(ctx context.Context, fsys sftpconn.FS, paths []string) bool
}

// reasons are the causes to look for, by operation, in this order.
var reasons = map[operationKind][]reason{
	opSetSize:   {{syscall.EISDIR, lastIsDir}, {syscall.ENOSPC, noSpace}},
	opOpen:      {{syscall.EISDIR, lastIsDir}, {syscall.ENXIO, lastIsSpecial}, {syscall.ENOSPC, noSpace}},
	opCreate:    {{syscall.EISDIR, lastIsDir}, {syscall.ENXIO, lastIsSpecial}, {syscall.ENOSPC, noSpace}},
	opCreateNew: {{syscall.EEXIST, lastExists}, {syscall.ENOSPC, noSpace}},
	opWrite:     {{syscall.ENOSPC, noSpace}},
	opReadDir:   {{syscall.ENOTDIR, lastIsNoDir}},
	opMkdir:     {{syscall.EEXIST, lastExists}, {syscall.ENOSPC, noSpace}},
	opRmdir:     {{syscall.ENOTDIR, lastIsNoDir}, {syscall.ENOTEMPTY, lastHasEntries}},
	opRemove:    {{syscall.EISDIR, lastIsDir}},
	opRename: {{syscall.EISDIR, fileOverDir}, {syscall.ENOTEMPTY, lastHasEntries}, {syscall.EXDEV, onTwoFileSystems},
		{syscall.ENOSPC, noSpace}},
	opRenameNew: {{syscall.EEXIST, lastExists}, {syscall.EXDEV, onTwoFileSystems},
		{syscall.ENOSPC, noSpace}},
	opSymlink:  {{syscall.EEXIST, lastExists}, {syscall.ENOSPC, noSpace}},
	opReadlink: {{syscall.ESTALE, lastIsNoLink}},
	opLink: {{syscall.EEXIST, lastExists}, {syscall.EPERM, firstIsDir},
		{syscall.EXDEV, onTwoFileSystems}, {syscall.ENOSPC, noSpace}},
}

func last(paths []string) string { return paths[len(paths)-1] }

func lastExists(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	_, err := fsys.Lstat(ctx, last(paths))
	return err == nil
}

func lastIsDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.IsDir()
}

func fileOverDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	return lastIsDir(ctx, fsys, paths) && lastIsNoDir(ctx, fsys, paths[:1])
}

func firstIsDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	return lastIsDir(ctx, fsys, paths[:1])
}

func lastIsNoDir(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.Type() != 0 && !attr.IsDir()
}

// lastIsNoLink is for a link that was replaced. The kernel asks only for links,
// and looks the name up anew on ESTALE.
func lastIsNoLink(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.Type() != 0 && !attr.IsSymlink()
}

// lastIsSpecial is for fifos, sockets and devices, which a server opens for
// nobody.
func lastIsSpecial(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	attr, err := fsys.Lstat(ctx, last(paths))
	return err == nil && attr.Type() != 0 && !attr.IsRegular() && !attr.IsSymlink()
}

func lastHasEntries(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	if !lastIsDir(ctx, fsys, paths) {
		return false
	}
	entries, err := fsys.ReadDir(ctx, last(paths))
	return err == nil && len(entries) > 0
}

func noSpace(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	st, err := fsys.StatVFS(ctx, path.Dir(last(paths)))
	return err == nil && st.Blocks > 0 && (st.BlocksAvail == 0 || st.Files > 0 && st.FilesAvail == 0)
}

// onTwoFileSystems compares sizes: statvfs@openssh.com carries an f_fsid, but
// not every file system has one.
func onTwoFileSystems(ctx context.Context, fsys sftpconn.FS, paths []string) bool {
	from, err := fsys.StatVFS(ctx, path.Dir(paths[0]))
	if err != nil {
		return false
	}
	to, err := fsys.StatVFS(ctx, path.Dir(last(paths)))
	return err == nil && (from.Blocks != to.Blocks || from.FragmentSize != to.FragmentSize || from.Files != to.Files)
}
