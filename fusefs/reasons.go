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
	opSetNow  // times, to the current one
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

var operationNames = [...]string{"stat", "truncate", "change attributes", "touch", "open",
	"create", "create", "read", "write", "list", "mkdir", "rmdir", "remove",
	"rename", "rename", "symlink", "readlink", "link"}

func (op operationKind) String() string { return operationNames[op] }

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

// reason is a cause of an error that a server has one code for with others, and
// that can be seen by looking there.
type reason struct {
	errno syscall.Errno
	holds func(ctx context.Context, fsys sftpconn.FS, paths []string) bool
}

// failures are the causes of SSH_FX_FAILURE, the code for most errors, to look
// for by operation, in this order.
var failures = map[operationKind][]reason{
	opSetSize: {{syscall.EISDIR, lastIsDir}, {syscall.EROFS, lastIsReadOnly}, {syscall.ETXTBSY, lastRuns},
		{syscall.ENOSPC, noSpace}},
	opSetAttr: {{syscall.EROFS, lastIsReadOnly}},
	opSetNow:  {{syscall.EROFS, lastIsReadOnly}},
	opOpen: {{syscall.ESTALE, lastIsNoFile}, {syscall.EROFS, lastIsReadOnly}, {syscall.ETXTBSY, lastRuns},
		{syscall.ENOSPC, noSpace}},
	opCreate: {{syscall.ESTALE, lastIsNoFile}, {syscall.EROFS, parentIsReadOnly}, {syscall.ETXTBSY, lastRuns},
		{syscall.ENOSPC, noSpace}},
	opCreateNew: {{syscall.EEXIST, lastExists}, {syscall.EROFS, parentIsReadOnly}, {syscall.ENOSPC, noSpace}},
	opWrite:     {{syscall.EROFS, lastIsReadOnly}, {syscall.ENOSPC, noSpace}},
	opReadDir:   {{syscall.ENOTDIR, lastIsNoDir}},
	opMkdir:     {{syscall.EEXIST, lastExists}, {syscall.EROFS, parentIsReadOnly}, {syscall.ENOSPC, noSpace}},
	opRmdir: {{syscall.ENOTDIR, lastIsNoDir}, {syscall.ENOTEMPTY, lastHasEntries}, {syscall.EROFS, parentIsReadOnly},
		{syscall.EBUSY, aMountPoint}},
	opRemove: {{syscall.EISDIR, lastIsDir}, {syscall.EROFS, parentIsReadOnly}, {syscall.EBUSY, aMountPoint}},
	opRename: {{syscall.EISDIR, fileOverDir}, {syscall.ENOTEMPTY, lastHasEntries}, {syscall.EXDEV, onTwoFileSystems},
		{syscall.EROFS, parentIsReadOnly}, {syscall.EBUSY, aMountPoint}, {syscall.ENOSPC, noSpace}},
	opRenameNew: {{syscall.EEXIST, lastExists}, {syscall.EXDEV, onTwoFileSystems}, {syscall.EROFS, parentIsReadOnly},
		{syscall.EBUSY, aMountPoint}, {syscall.ENOSPC, noSpace}},
	opSymlink:  {{syscall.EEXIST, lastExists}, {syscall.EROFS, parentIsReadOnly}, {syscall.ENOSPC, noSpace}},
	opReadlink: {{syscall.ESTALE, lastIsNoLink}},
	opLink: {{syscall.EEXIST, lastExists}, {syscall.EPERM, firstIsDir}, {syscall.EXDEV, onTwoFileSystems},
		{syscall.EROFS, parentIsReadOnly}, {syscall.ENOSPC, noSpace}},
}

// denials are the causes of SSH_FX_PERMISSION_DENIED, which stands for EPERM and
// EACCES, that are EPERM: what only the owner of a file may do to it, whatever
// the modes.
var denials = map[operationKind][]reason{
	opSetAttr:   {{syscall.EPERM, always}},
	opRemove:    {{syscall.EPERM, inStickyFolder}},
	opRmdir:     {{syscall.EPERM, inStickyFolder}},
	opRename:    {{syscall.EPERM, inStickyFolder}},
	opRenameNew: {{syscall.EPERM, inStickyFolder}},
	opLink:      {{syscall.EPERM, ofAnother}},
}

// absences are the causes of SSH_FX_NO_SUCH_FILE that are not ENOENT.
var absences = map[operationKind][]reason{
	opCreate:    {{syscall.ENOTDIR, parentIsNoDir}},
	opCreateNew: {{syscall.ENOTDIR, parentIsNoDir}},
	opMkdir:     {{syscall.ENOTDIR, parentIsNoDir}},
	opSymlink:   {{syscall.ENOTDIR, parentIsNoDir}},
	opLink:      {{syscall.ENOTDIR, parentIsNoDir}},
	opRename:    {{syscall.ENOTDIR, parentIsNoDir}},
	opRenameNew: {{syscall.ENOTDIR, parentIsNoDir}},
}

// likely is what a change of names that failed for no cause that can be seen
// stands for, if it did so each time. Between folders it is a border that no look
// tells: two mounts of one file system. That lets mv(1) copy. A name in the same
// folder as the file's other one is one too many.
func likely(op operationKind, paths []string) syscall.Errno {
	if len(paths) < 2 {
		return syscall.EIO
	}
	switch same := path.Dir(paths[0]) == path.Dir(paths[1]); {
	case !same && (op == opRename || op == opRenameNew || op == opLink):
		return syscall.EXDEV
	case same && op == opLink:
		return syscall.EMLINK
	}
	return syscall.EIO
}
