package fusefs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestErrno(t *testing.T) {
	tests := []struct {
		op   operationKind
		err  error
		want syscall.Errno
	}{
		{opStat, nil, 0},
		{opStat, syscall.ESTALE, syscall.ESTALE},
		{opStat, fmt.Errorf("wrapped: %w", syscall.ETIMEDOUT), syscall.ETIMEDOUT},
		{opStat, syscall.ENOSYS, syscall.EIO},
		{opStat, context.Canceled, syscall.EINTR},
		{opStat, context.DeadlineExceeded, syscall.ETIMEDOUT},
		{opStat, sftpconn.ErrLost, syscall.EIO},
		{opStat, sftpconn.ErrNotSent, syscall.EIO},
		{opStat, sftpconn.ErrProtocol, syscall.EIO},
		{opStat, errors.New("whatever"), syscall.EIO},
		{opStat, fs.ErrNotExist, syscall.EIO}, // no layer says so without a code
		{opSetAttr, errors.ErrUnsupported, syscall.EOPNOTSUPP},
		{opLink, errors.ErrUnsupported, syscall.EPERM},
		{opSymlink, errors.ErrUnsupported, syscall.EPERM},
		{opRenameNew, errors.ErrUnsupported, syscall.EINVAL},
		{opStat, status(sftpconn.StatusNoSuchFile), syscall.ENOENT},
		{opOpen, status(sftpconn.StatusPermissionDenied), syscall.EACCES},
		{opSetSize, status(sftpconn.StatusPermissionDenied), syscall.EACCES},
		{opStat, status(sftpconn.StatusFailure), syscall.EIO},
		{opStat, status(sftpconn.StatusEOF), syscall.EIO},
		{opStat, status(sftpconn.StatusConnectionLost), syscall.EIO},
		{opStat, status(sftpconn.StatusBadMessage), syscall.EINVAL},
		{opStat, status(99), syscall.EIO},
		{opSetAttr, status(sftpconn.StatusOpUnsupported), syscall.EOPNOTSUPP},
		{opLink, status(sftpconn.StatusOpUnsupported), syscall.EPERM},
		{opStat, fmt.Errorf("wrapped: %w", status(sftpconn.StatusNoSuchFile)), syscall.ENOENT},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.op, " ", test.err), func(t *testing.T) {
			tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler)}}
			assert.Equal(t, test.want, tr.errno(t.Context(), test.op, test.err))
		})
	}
	long := strings.Repeat("x", 256)
	tr := &tree{fsys: look()}
	err := status(sftpconn.StatusBadMessage)
	assert.Equal(t, syscall.ENAMETOOLONG, tr.errno(t.Context(), opMkdir, err, "/dir/"+long))
	assert.Equal(t, syscall.ENAMETOOLONG, tr.errno(t.Context(), opMkdir, err, strings.Repeat("/x", 2048)))
	assert.Equal(t, syscall.EINVAL, tr.errno(t.Context(), opMkdir, err, "/dir/x"))
}

func status(code sftpconn.StatusCode) error {
	return &sftpconn.StatusError{Op: "TEST", Code: code}
}

// look returns an FS to look at: a folder with a file in it, an empty folder, a
// fifo, a program, a sticky folder with another user's file, and three other file
// systems, one of which is full and one read-only.
func look() sftpconn.FS {
	modes := map[string]uint32{
		"/": syscall.S_IFDIR, "/dir": syscall.S_IFDIR, "/dir/file": syscall.S_IFREG,
		"/empty": syscall.S_IFDIR, "/fifo": syscall.S_IFIFO, "/program": syscall.S_IFREG | 0o755,
		"/tmp": syscall.S_IFDIR | 0o1777, "/tmp/file": syscall.S_IFREG,
		"/other": syscall.S_IFDIR, "/full": syscall.S_IFDIR, "/full/file": syscall.S_IFREG,
		"/fixed": syscall.S_IFDIR, "/fixed/file": syscall.S_IFREG,
	}
	attr := func(_ context.Context, path string) (sftpconn.Attr, error) {
		mode, ok := modes[path]
		if !ok {
			return sftpconn.Attr{}, status(sftpconn.StatusNoSuchFile)
		}
		a := sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: mode}
		if path == "/tmp/file" {
			a.UID = 1
		}
		return a, nil
	}
	return &sftptest.Mock{
		LstatFn: attr,
		StatFn:  attr,
		OpenFn: func(_ context.Context, path string, _ sftpconn.OpenFlags, _ uint32) (sftpconn.File, sftpconn.Attr, error) {
			a, _ := attr(context.Background(), path)
			return &sftptest.MockFile{CloseFn: func(context.Context) error { return nil }}, a, nil
		},
		ReadDirFn: func(_ context.Context, path string) ([]sftpconn.DirEntry, error) {
			if path == "/dir" {
				return []sftpconn.DirEntry{{Name: "file"}}, nil
			}
			return nil, nil
		},
		StatVFSFn: func(_ context.Context, path string) (sftpconn.StatVFS, error) {
			st := sftpconn.StatVFS{FragmentSize: 4096, Blocks: 10_000, BlocksAvail: 1000, Files: 100, FilesAvail: 10}
			switch top, _, _ := strings.Cut(path[1:], "/"); top {
			case "other":
				st.ID = 2
			case "full":
				st.ID, st.BlocksAvail = 3, 10
			case "fixed":
				st.ID, st.ReadOnly = 4, true
			}
			return st, nil
		},
	}
}

const absent, denied, failure = sftpconn.StatusNoSuchFile, sftpconn.StatusPermissionDenied, sftpconn.StatusFailure

// reasons are what the codes that stand for several errors come from.
var reasons = []struct {
	code  sftpconn.StatusCode
	op    operationKind
	paths []string
	want  syscall.Errno
}{
	{failure, opMkdir, []string{"/dir"}, syscall.EEXIST},
	{failure, opMkdir, []string{"/new"}, syscall.EIO},
	{failure, opMkdir, []string{"/full/new"}, syscall.ENOSPC},
	{failure, opRmdir, []string{"/dir"}, syscall.ENOTEMPTY},
	{failure, opRmdir, []string{"/empty"}, syscall.EIO},
	{failure, opRmdir, []string{"/dir/file"}, syscall.ENOTDIR},
	{failure, opRemove, []string{"/dir"}, syscall.EISDIR},
	{failure, opRemove, []string{"/dir/file"}, syscall.EIO},
	{failure, opOpen, []string{"/dir"}, syscall.ESTALE},
	{failure, opOpen, []string{"/fifo"}, syscall.ESTALE},
	{failure, opOpen, []string{"/dir/file"}, syscall.EIO},
	{failure, opCreate, []string{"/dir"}, syscall.ESTALE},
	{failure, opCreate, []string{"/full/new"}, syscall.ENOSPC},
	{failure, opCreateNew, []string{"/dir/file"}, syscall.EEXIST},
	{failure, opCreateNew, []string{"/new"}, syscall.EIO},
	{failure, opRead, []string{"/full/file"}, syscall.EIO},
	{failure, opWrite, []string{"/full/file"}, syscall.ENOSPC},
	{failure, opWrite, []string{"/dir/file"}, syscall.EIO},
	{failure, opReadDir, []string{"/dir/file"}, syscall.ENOTDIR},
	{failure, opRename, []string{"/empty", "/dir"}, syscall.ENOTEMPTY},
	{failure, opRename, []string{"/dir/file", "/empty"}, syscall.EISDIR},
	{failure, opRename, []string{"/dir/file", "/other/file"}, syscall.EXDEV},
	{failure, opRename, []string{"/dir/file", "/new"}, syscall.EIO},
	{failure, opRenameNew, []string{"/dir/file", "/empty"}, syscall.EEXIST},
	{failure, opRenameNew, []string{"/dir/file", "/other/file"}, syscall.EXDEV},
	{failure, opSymlink, []string{"/dir/file"}, syscall.EEXIST},
	{failure, opReadlink, []string{"/dir/file"}, syscall.ESTALE},
	{failure, opLink, []string{"/dir/file", "/empty"}, syscall.EEXIST},
	{failure, opLink, []string{"/dir", "/new"}, syscall.EPERM},
	{failure, opLink, []string{"/dir/file", "/other/new"}, syscall.EXDEV},
	{failure, opSetSize, []string{"/dir"}, syscall.EISDIR},
	{failure, opSetAttr, []string{"/dir"}, syscall.EIO},
	{failure, opSetAttr, []string{"/fixed/file"}, syscall.EROFS},
	{failure, opSetNow, []string{"/fixed/file"}, syscall.EROFS},
	{failure, opSetSize, []string{"/program"}, syscall.ETXTBSY},
	{failure, opOpen, []string{"/program"}, syscall.ETXTBSY},
	{failure, opOpen, []string{"/fixed/file"}, syscall.EROFS},
	{failure, opCreate, []string{"/fixed/new"}, syscall.EROFS},
	{failure, opCreateNew, []string{"/fixed/file"}, syscall.EEXIST},
	{failure, opMkdir, []string{"/fixed/new"}, syscall.EROFS},
	{failure, opRemove, []string{"/fixed/file"}, syscall.EROFS},
	{failure, opRename, []string{"/fixed/file", "/fixed/new"}, syscall.EROFS},
	{failure, opRename, []string{"/other", "/new"}, syscall.EBUSY},
	{failure, opRmdir, []string{"/other"}, syscall.EBUSY},
	{absent, opMkdir, []string{"/dir/file/new"}, syscall.ENOTDIR},
	{absent, opMkdir, []string{"/gone/new"}, syscall.ENOENT},
	{absent, opStat, []string{"/dir/file/new"}, syscall.ENOENT}, // the kernel knows
	{denied, opOpen, []string{"/dir/file"}, syscall.EACCES},
	{denied, opSetAttr, []string{"/dir/file"}, syscall.EPERM},
	{denied, opSetNow, []string{"/dir/file"}, syscall.EACCES},
	{denied, opSetSize, []string{"/dir/file"}, syscall.EACCES},
	{denied, opRemove, []string{"/dir/file"}, syscall.EACCES},
	{denied, opRemove, []string{"/tmp/file"}, syscall.EPERM},
	{denied, opRename, []string{"/tmp/file", "/dir/new"}, syscall.EPERM},
	{denied, opLink, []string{"/tmp/file", "/dir/new"}, syscall.EPERM},
	{denied, opLink, []string{"/dir/file", "/dir/new"}, syscall.EACCES},
}

// TestReasons finds them.
func TestReasons(t *testing.T) {
	tr := &tree{fsys: look()}
	for _, test := range reasons {
		t.Run(fmt.Sprint(test.code, test.op, test.paths), func(t *testing.T) {
			assert.Equal(t, test.want, tr.errno(t.Context(), test.op, status(test.code), test.paths...))
		})
	}
}

// What fails each time for no reason that can be seen does so for one that cannot,
// most likely.
func TestLikelyReasons(t *testing.T) {
	tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	for _, test := range []struct {
		op    operationKind
		paths []string
		want  syscall.Errno
	}{
		{opRename, []string{"/dir/file", "/empty/new"}, syscall.EXDEV},
		{opRename, []string{"/dir/file", "/dir/new"}, syscall.EIO},
		{opLink, []string{"/dir/file", "/empty/new"}, syscall.EXDEV},
		{opLink, []string{"/dir/file", "/dir/new"}, syscall.EMLINK},
		{opMkdir, []string{"/dir/new"}, syscall.EIO},
	} {
		fail := func([]string) error { return status(sftpconn.StatusFailure) }
		assert.Equal(t, test.want, tr.carryOut(t.Context(), test.op, at(test.paths...), fail), "%s %v", test.op, test.paths)
	}
}

// What failed is tried again if nothing is to be seen of why, and only then.
func TestReasonHasPassed(t *testing.T) {
	tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	for path, want := range map[string][]error{
		"/empty": {status(sftpconn.StatusFailure), status(sftpconn.StatusFailure), nil},
		"/gone":  {status(sftpconn.StatusFailure), status(sftpconn.StatusNoSuchFile)},
		"/dir":   {status(sftpconn.StatusFailure)},
		"/lost":  {sftpconn.ErrLost},
		"/lock":  {fmt.Errorf("%w: it may be ours: %w", syscall.EIO, status(sftpconn.StatusFailure))},
	} {
		tries := 0
		errno := tr.carryOut(t.Context(), opRmdir, at(path), func([]string) error {
			tries++
			return want[tries-1]
		})
		assert.Len(t, want, tries, path)
		assert.Equal(t, tr.errno(t.Context(), opRmdir, want[tries-1], path), errno, path)
	}
}

// at returns the whereabouts of what stays where it is.
func at(paths ...string) whereabouts {
	return func() ([]string, syscall.Errno) { return paths, 0 }
}

// What has moved is not tried again: its path may lead to something else by then.
func TestMovedMeanwhile(t *testing.T) {
	tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	path, tries := "/dir/gone", 0
	errno := tr.carryOut(t.Context(), opRmdir, func() ([]string, syscall.Errno) { return []string{path}, 0 },
		func([]string) error {
			tries++
			path = "/empty/gone"
			return status(sftpconn.StatusFailure)
		})
	assert.Equal(t, syscall.ESTALE, errno)
	assert.Equal(t, 1, tries)
}

func TestUnexplainedRenamesCanCrossFileSystems(t *testing.T) {
	tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler), RenameXDEV: true}}
	failed := status(sftpconn.StatusFailure)
	assert.Equal(t, syscall.EXDEV, tr.errno(t.Context(), opRename, failed, "/a", "/b"))
	assert.Equal(t, syscall.EXDEV, tr.errno(t.Context(), opRenameNew, failed, "/a", "/b"))
	assert.Equal(t, syscall.EIO, tr.errno(t.Context(), opMkdir, failed, "/a"))
	assert.Equal(t, syscall.EIO, tr.errno(t.Context(), opRename, sftpconn.ErrLost, "/a", "/b"))
}

// A file that no name leads to any more cannot be larger than others either.
func TestRemovedFileOfNoSize(t *testing.T) {
	f := mount(t, nil)
	file, err := os.Create(f.onMount("file"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	require.NoError(t, os.Remove(f.onMount("file")))
	assert.Equal(t, unix.EFBIG, unix.Fallocate(int(file.Fd()), 0, 0, 1<<60))
	assert.Equal(t, unix.EFBIG, unix.Ftruncate(int(file.Fd()), 1<<60))
}
