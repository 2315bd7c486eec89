package fusefs

import (
	"context"
	"errors"
	"path"
	"slices"
	"syscall"

	"sftpmount/sftpconn"
)

// maxName is the longest name that servers' file systems take (NAME_MAX), and
// maxPath the longest path (PATH_MAX), in bytes.
const (
	maxName = 255
	maxPath = 4096
)

// errno maps an error of the FS to what a program sees. This is the one place
// where that is done. paths are what the operation was about, the last one what
// it would have made or removed.
func (t *tree) errno(ctx context.Context, op operationKind, err error, paths ...string) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if errno == syscall.ENOSYS || errno == 0 {
			return syscall.EIO // the kernel would remember ENOSYS
		}
		return errno
	}
	if status, ok := errors.AsType[*sftpconn.StatusError](err); ok {
		return t.statusErrno(ctx, op, status.Code, paths)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return syscall.EINTR
	case errors.Is(err, context.DeadlineExceeded):
		return syscall.ETIMEDOUT
	case errors.Is(err, errors.ErrUnsupported):
		return op.unsupported()
	}
	// The connection was lost, or the server cannot be trusted any more.
	return t.unknown(op, err)
}

// tries is how often an operation is tried that fails for no reason to be seen.
const tries = 3

// whereabouts returns the paths that an operation is about now.
type whereabouts func() ([]string, syscall.Errno)

// carryOut does something about the paths that where returns, and maps its error.
//
// Where nothing is to be seen of what made the server refuse it, the reason has
// passed: somebody else has changed the place since. Trying again tells, unless
// the place is changed all the time. If it has moved by then, its path may lead
// elsewhere, and the kernel is left to look it up anew.
func (t *tree) carryOut(ctx context.Context, op operationKind, where whereabouts, do func(paths []string) error) syscall.Errno {
	paths, errno := where()
	if errno != 0 {
		return errno
	}
	for range tries {
		err := do(paths)
		errno = t.errno(ctx, op, err, paths...)
		if !isFailure(err) || errno != syscall.EIO {
			return errno
		}
		if now, gone := where(); gone != 0 || !slices.Equal(now, paths) {
			return syscall.ESTALE
		}
	}
	return likely(op, paths)
}

// isFailure reports whether err is the answer that stands for most errors, and no
// layer knows better.
func isFailure(err error) bool {
	if _, known := errors.AsType[syscall.Errno](err); known {
		return false
	}
	status, ok := errors.AsType[*sftpconn.StatusError](err)
	return ok && status.Code == sftpconn.StatusFailure
}

// unknown is EIO for an error that tells no more, which is logged, since the
// program cannot tell.
func (t *tree) unknown(op operationKind, err error) syscall.Errno {
	t.opts.Logger.Debug("operation failed", "operation", op.String(), "error", err)
	return syscall.EIO
}

// statusErrno maps the server's own answer (draft-ietf-secsh-filexfer-02,
// section 7, and what OpenSSH's sftp-server makes of an errno in
// errno_to_portable).
func (t *tree) statusErrno(ctx context.Context, op operationKind, code sftpconn.StatusCode, paths []string) syscall.Errno {
	switch code {
	case sftpconn.StatusNoSuchFile:
		return t.reason(ctx, absences[op], paths, syscall.ENOENT)
	case sftpconn.StatusPermissionDenied:
		return t.reason(ctx, denials[op], paths, syscall.EACCES)
	case sftpconn.StatusBadMessage: // ENAMETOOLONG or EINVAL
		for _, p := range paths {
			if len(path.Base(p)) > maxName || len(p) >= maxPath {
				return syscall.ENAMETOOLONG
			}
		}
		return t.reason(ctx, failures[op], paths, syscall.EINVAL)
	case sftpconn.StatusOpUnsupported:
		return op.unsupported()
	case sftpconn.StatusFailure:
		return t.reason(ctx, failures[op], paths, t.unexplained(op))
	}
	return syscall.EIO
}

// unexplained is a failure for which no reason is to be seen.
func (t *tree) unexplained(op operationKind) syscall.Errno {
	if t.opts.RenameXDEV && (op == opRename || op == opRenameNew) {
		return syscall.EXDEV
	}
	return syscall.EIO
}

// reason looks for the cause of an error that may have several, and returns
// otherwise if none of them is to be seen.
func (t *tree) reason(ctx context.Context, reasons []reason, paths []string, otherwise syscall.Errno) syscall.Errno {
	if len(paths) == 0 {
		return otherwise
	}
	for _, r := range reasons {
		if r.holds(ctx, t.fsys, paths) {
			return r.errno
		}
	}
	return otherwise
}
