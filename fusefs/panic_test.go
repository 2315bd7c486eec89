package fusefs

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// explosive is an FS that panics wherever a path holds "boom".
func explosive(fsys sftpconn.FS) sftpconn.FS {
	touch := func(paths ...string) {
		for _, path := range paths {
			if strings.Contains(path, "boom") {
				panic("touched " + path)
			}
		}
	}
	return &sftptest.Mock{
		FS: fsys,
		OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
			touch(path)
			return fsys.Open(ctx, path, flags, mode)
		},
		ReadDirFn: func(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
			touch(path)
			return fsys.ReadDir(ctx, path)
		},
		RenameFn: func(ctx context.Context, from, to string, replace bool) error {
			touch(from, to)
			return fsys.Rename(ctx, from, to, replace)
		},
	}
}

// A panic in a handler is EIO for the program whose request it was, logged with
// its stack and counted. All else goes on, also what waited for that request.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	w := &witness{begun: map[*Request]bool{}}
	f := mount(t, explosive, func(o *Options) {
		o.Observer = w
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	f.put("boom", "content")
	f.put("file", "content")
	require.NoError(t, os.Mkdir(f.onServer("boom dir"), 0o755))

	_, err := os.ReadFile(f.onMount("boom"))
	require.ErrorIs(t, err, syscall.EIO)
	_, err = os.ReadDir(f.onMount("boom dir"))
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, "content", f.read("file"))
	require.ErrorIs(t, os.Rename(f.onMount("boom"), f.onMount("file")), syscall.EIO)
	assert.Equal(t, "content", f.read("file"), "what was to be replaced is not waited for")
	f.write("file", "more")
	assert.Equal(t, "more", f.get("file"))

	assert.EqualValues(t, 3, f.server.Panics())
	assert.Contains(t, w.take(), "rename "+f.dir+"/boom to "+f.dir+"/file input/output error")
	f.server.tree.opts.Logger.Info("all requests are logged") // after them, the buffer is this goroutine's
	assert.Equal(t, 3, strings.Count(log.String(), "panic in a request"))
	assert.Contains(t, log.String(), "panic_test.go", "the stack shows where")
}
