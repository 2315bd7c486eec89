package sftpconn

import "context"

// FS is a remote directory tree as SFTP version 3 (draft-ietf-secsh-filexfer-02)
// sees it. It is the one interface that the layers of sftpmount share: [Conn]
// implements it on a live connection, reconnect.FS over one connection after
// the other, cache.FS over another FS.
//
// Paths are absolute, slash-separated and clean, and are bytes: nothing is said
// about their character set. No path is resolved on this side. In place of the
// leading "/" there may be "./", for where the server starts, which is the user's
// home directory; a tree is named in one of these ways throughout.
//
// Every method may be called from many goroutines at once. A method returns
// when its reply has arrived, when its context ends, or when the connection is
// lost, whichever is first. A request whose context ends is abandoned, not
// undone: the server may carry it out all the same.
//
// The operations that make or change a file also return its attributes after
// the change. They are asked for in the same round trip.
//
// Errors are one of: a [*StatusError], the server's own answer; a
// [syscall.Errno], where a layer knows the exact one; [ErrNotSent] or
// [ErrLost], where the connection ended; [errors.ErrUnsupported], where the
// server lacks an extension; or the context's error. They may be wrapped.
type FS interface {
	// Lstat returns the attributes of path, and of a symbolic link itself.
	Lstat(ctx context.Context, path string) (Attr, error)

	// Stat is Lstat that follows symbolic links on the server.
	Stat(ctx context.Context, path string) (Attr, error)

	// SetAttr changes the attributes that set names. A symbolic link itself
	// is changed if set.NoFollow and the server has lsetstat@openssh.com.
	SetAttr(ctx context.Context, path string, set SetAttr) (Attr, error)

	// ReadDir lists a directory whole, in the server's order, without "."
	// and "..". The slice belongs to the caller, unless the implementation
	// says that it is shared and read-only.
	ReadDir(ctx context.Context, path string) ([]DirEntry, error)

	// Open opens a regular file. With [Create], mode holds the permissions
	// of a new file, exactly: the server's umask does not lessen them. They
	// may be set by a request behind the open, which Flush waits for.
	// Attr is taken together with the open, so whatever was closed before
	// Open was called is seen in it.
	Open(ctx context.Context, path string, flags OpenFlags, mode uint32) (File, Attr, error)

	// Mkdir makes a directory with exactly the permissions in mode.
	Mkdir(ctx context.Context, path string, mode uint32) (Attr, error)

	// Remove removes a name that is not a directory's.
	Remove(ctx context.Context, path string) error

	// Rmdir removes an empty directory.
	Rmdir(ctx context.Context, path string) error

	// Rename moves oldPath to newPath. With replace it replaces what is
	// there, atomically where the server has posix-rename@openssh.com;
	// without, it fails if newPath exists.
	Rename(ctx context.Context, oldPath, newPath string, replace bool) error

	// Symlink makes a symbolic link at path that reads as target.
	Symlink(ctx context.Context, target, path string) (Attr, error)

	// Readlink returns what the symbolic link at path reads as.
	Readlink(ctx context.Context, path string) (string, error)

	// Link makes newPath a further name of oldPath (hardlink@openssh.com).
	Link(ctx context.Context, oldPath, newPath string) (Attr, error)

	// StatVFS describes the file system that holds path
	// (statvfs@openssh.com).
	StatVFS(ctx context.Context, path string) (StatVFS, error)

	// RealPath returns the absolute path of path, which may be relative to
	// the user's home directory, empty (the home directory itself), or
	// start with "~" or "~user".
	RealPath(ctx context.Context, path string) (string, error)

	// Close ends the FS and everything open on it. It does not wait for a
	// dead peer.
	Close() error
}

// File is an open regular file.
//
// Requests on one File are carried out in the order in which they were started,
// as far as the order makes a difference; but ReadAt and Attr may overtake a
// Write that is not acknowledged yet. Write and SetAttr only start theirs, so
// that several can be under way at once: the reply is awaited through the
// [Pending] that they return.
type File interface {
	// ReadAt reads len(p) bytes from offset off. It returns fewer only
	// together with an error, io.EOF at the end of the file. p is not
	// touched after ReadAt has returned.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)

	// Write starts writing p at offset off; a File opened with [Append]
	// writes at the end of the file instead. p must stay unchanged until
	// Wait has returned nil or the Pending was abandoned for good, which
	// only Close does.
	Write(p []byte, off int64) Pending

	// SetAttr starts changing attributes of the open file, which works
	// after it was renamed or removed too.
	SetAttr(set SetAttr) Pending

	// CopyFrom has the server itself copy n bytes, which is above 0, from
	// offset srcOff of src to offset off of this file, behind everything that
	// was started on either. It returns fewer without an error at the end of
	// src, or if the caller was interrupted (see [Interrupt]). src is another
	// file of the same FS, open for reading. It returns
	// [errors.ErrUnsupported] if the server cannot copy, or not these.
	CopyFrom(ctx context.Context, src File, srcOff, off, n int64) (int64, error)

	// Flush waits until everything that was started with Write and SetAttr
	// has been acknowledged, and returns the first error among it that no
	// Flush has returned yet.
	Flush(ctx context.Context) error

	// Attr returns the attributes of the open file.
	Attr(ctx context.Context) (Attr, error)

	// Sync makes durable what was started before it and succeeds
	// (fsync@openssh.com); whether it does is for Flush to say. It returns
	// [errors.ErrUnsupported] if the server cannot.
	Sync(ctx context.Context) error

	// Close releases the file. It neither waits for started writes nor
	// reports their errors.
	Close(ctx context.Context) error
}

// Pending is a request that was started and whose reply is still to come.
type Pending interface {
	// Wait returns the outcome of the request. If ctx ends first, Wait
	// returns its error and may be called again.
	Wait(ctx context.Context) error
}

// OpenFlags are SSH_FXF_* bits (draft-ietf-secsh-filexfer-02, section 6.3).
type OpenFlags uint32

// What a file is opened for.
const (
	Read     OpenFlags = 1 << iota // SSH_FXF_READ
	Write                          // SSH_FXF_WRITE
	Append                         // SSH_FXF_APPEND: every write goes to the end
	Create                         // SSH_FXF_CREAT
	Truncate                       // SSH_FXF_TRUNC
	Excl                           // SSH_FXF_EXCL: with Create, fail if it exists
)

// Session is an FS on one connection, which ends when the connection does.
type Session interface {
	FS

	// Done is closed when the connection has ended, for whatever reason.
	Done() <-chan struct{}

	// Err says why the connection ended. It is nil until Done is closed.
	Err() error
}
