package fusefs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

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
		{opSetAttr, status(sftpconn.StatusPermissionDenied), syscall.EPERM},
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
// fifo, and two other file systems, one of which is full.
func look() sftpconn.FS {
	types := map[string]uint32{
		"/": syscall.S_IFDIR, "/dir": syscall.S_IFDIR, "/dir/file": syscall.S_IFREG,
		"/empty": syscall.S_IFDIR, "/fifo": syscall.S_IFIFO,
		"/other": syscall.S_IFDIR, "/full": syscall.S_IFDIR, "/full/file": syscall.S_IFREG,
	}
	return &sftptest.Mock{
		LstatFn: func(_ context.Context, path string) (sftpconn.Attr, error) {
			typ, ok := types[path]
			if !ok {
				return sftpconn.Attr{}, status(sftpconn.StatusNoSuchFile)
			}
			return sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: typ}, nil
		},
		ReadDirFn: func(_ context.Context, path string) ([]sftpconn.DirEntry, error) {
			if path == "/dir" {
				return []sftpconn.DirEntry{{Name: "file"}}, nil
			}
			return nil, nil
		},
		StatVFSFn: func(_ context.Context, path string) (sftpconn.StatVFS, error) {
			st := sftpconn.StatVFS{FragmentSize: 4096, Blocks: 1000, BlocksAvail: 10, Files: 100, FilesAvail: 10}
			switch path {
			case "/other":
				st.Blocks = 2000
			case "/full":
				st.BlocksAvail = 0
			}
			return st, nil
		},
	}
}

// TestReasons finds the reasons of SSH_FX_FAILURE.
func TestReasons(t *testing.T) {
	tests := []struct {
		op    operationKind
		paths []string
		want  syscall.Errno
	}{
		{opMkdir, []string{"/dir"}, syscall.EEXIST},
		{opMkdir, []string{"/new"}, syscall.EIO},
		{opMkdir, []string{"/full/new"}, syscall.ENOSPC},
		{opRmdir, []string{"/dir"}, syscall.ENOTEMPTY},
		{opRmdir, []string{"/empty"}, syscall.EIO},
		{opRmdir, []string{"/dir/file"}, syscall.ENOTDIR},
		{opRemove, []string{"/dir"}, syscall.EISDIR},
		{opRemove, []string{"/dir/file"}, syscall.EIO},
		{opOpen, []string{"/dir"}, syscall.EISDIR},
		{opOpen, []string{"/fifo"}, syscall.ENXIO},
		{opOpen, []string{"/dir/file"}, syscall.EIO},
		{opCreate, []string{"/dir"}, syscall.EISDIR},
		{opCreate, []string{"/full/new"}, syscall.ENOSPC},
		{opCreateNew, []string{"/dir/file"}, syscall.EEXIST},
		{opCreateNew, []string{"/new"}, syscall.EIO},
		{opRead, []string{"/full/file"}, syscall.EIO},
		{opWrite, []string{"/full/file"}, syscall.ENOSPC},
		{opWrite, []string{"/dir/file"}, syscall.EIO},
		{opReadDir, []string{"/dir/file"}, syscall.ENOTDIR},
		{opRename, []string{"/empty", "/dir"}, syscall.ENOTEMPTY},
		{opRename, []string{"/dir/file", "/empty"}, syscall.EISDIR},
		{opRename, []string{"/dir/file", "/other/file"}, syscall.EXDEV},
		{opRename, []string{"/dir/file", "/new"}, syscall.EIO},
		{opRenameNew, []string{"/dir/file", "/empty"}, syscall.EEXIST},
		{opRenameNew, []string{"/dir/file", "/other/file"}, syscall.EXDEV},
		{opSymlink, []string{"/dir/file"}, syscall.EEXIST},
		{opReadlink, []string{"/dir/file"}, syscall.ESTALE},
		{opLink, []string{"/dir/file", "/empty"}, syscall.EEXIST},
		{opLink, []string{"/dir", "/new"}, syscall.EPERM},
		{opLink, []string{"/dir/file", "/other/new"}, syscall.EXDEV},
		{opSetSize, []string{"/dir"}, syscall.EISDIR},
		{opSetAttr, []string{"/dir"}, syscall.EIO},
	}
	tr := &tree{fsys: look()}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.op, test.paths), func(t *testing.T) {
			err := status(sftpconn.StatusFailure)
			assert.Equal(t, test.want, tr.errno(t.Context(), test.op, err, test.paths...))
		})
	}
}

// A change is tried again if nothing is to be seen of why it failed, and only
// then.
func TestReasonHasPassed(t *testing.T) {
	tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	for path, want := range map[string][]error{
		"/empty": {status(sftpconn.StatusFailure), nil},
		"/gone":  {status(sftpconn.StatusFailure), status(sftpconn.StatusNoSuchFile)},
		"/dir":   {status(sftpconn.StatusFailure)},
		"/lost":  {sftpconn.ErrLost},
	} {
		tries := 0
		errno := tr.change(t.Context(), opRmdir, func() error {
			tries++
			return want[tries-1]
		}, path)
		assert.Len(t, want, tries, path)
		assert.Equal(t, tr.errno(t.Context(), opRmdir, want[tries-1], path), errno, path)
	}
}

func TestUnexplainedRenamesCanCrossFileSystems(t *testing.T) {
	tr := &tree{fsys: look(), opts: Options{Logger: slog.New(slog.DiscardHandler), RenameXDEV: true}}
	failed := status(sftpconn.StatusFailure)
	assert.Equal(t, syscall.EXDEV, tr.errno(t.Context(), opRename, failed, "/a", "/b"))
	assert.Equal(t, syscall.EXDEV, tr.errno(t.Context(), opRenameNew, failed, "/a", "/b"))
	assert.Equal(t, syscall.EIO, tr.errno(t.Context(), opMkdir, failed, "/a"))
	assert.Equal(t, syscall.EIO, tr.errno(t.Context(), opRename, sftpconn.ErrLost, "/a", "/b"))
}
