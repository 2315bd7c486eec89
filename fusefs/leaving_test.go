package fusefs

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// A program that reads a file sees it whole while another one replaces it, also
// between the server's rename and its reply.
func TestReaderOfAFileThatIsReplaced(t *testing.T) {
	renamed, answer := make(chan struct{}), make(chan struct{})
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{FS: fsys, RenameFn: func(ctx context.Context, from, to string, replace bool) error {
			err := fsys.Rename(ctx, from, to, replace)
			close(renamed)
			<-answer
			return err
		}}
	}, noTimeouts)
	f.put("file", "the old content, which is long")
	f.put("new", "short")
	reader, err := os.Open(f.onMount("file"))
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	done := make(chan error, 1)
	go func() { done <- os.Rename(f.onMount("new"), f.onMount("file")) }()
	<-renamed
	size := func() int64 {
		info, err := reader.Stat()
		require.NoError(t, err)
		return info.Size()
	}
	assert.EqualValues(t, 30, size(), "the rename is under way")
	looked := make(chan int64, 1)
	go func() { looked <- f.stat("file").Size }()
	select {
	case <-looked:
		t.Error("which file has the name is not known yet")
	case <-time.After(100 * time.Millisecond):
	}
	opened := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(f.onMount("file"))
		assert.NoError(t, err)
		opened <- string(data)
	}()
	close(answer)
	require.NoError(t, <-done)
	assert.Equal(t, "short", <-opened)
	assert.EqualValues(t, 5, <-looked)
	assert.EqualValues(t, 30, size())
	p := make([]byte, 100)
	n, err := reader.ReadAt(p, 0)
	require.ErrorContains(t, err, "EOF")
	assert.Equal(t, "the old content, which is long", string(p[:n]))
	assert.EqualValues(t, 5, f.stat("file").Size)
}

// What is told of a file while it is replaced is not what the new one is like: who reads
// the old one would see it cut off.
func TestAnswerThatARenameOvertook(t *testing.T) {
	for name, sizeOf := range map[string]func(ctx context.Context, root, old *node) (int, syscall.Errno){
		"Lookup": func(ctx context.Context, root, old *node) (int, syscall.Errno) {
			var out fuse.EntryOut
			found, errno := root.Lookup(ctx, "file", &out)
			if errno == 0 && nodeOf(found) != old {
				return len(oldContent), 0 // it is told of the new one
			}
			return int(out.Size), errno
		},
		"Getattr": func(ctx context.Context, _, old *node) (int, syscall.Errno) {
			var out fuse.AttrOut
			errno := old.Getattr(ctx, nil, &out)
			return int(out.Size), errno
		},
	} {
		t.Run(name, func(t *testing.T) {
			var f *fixture
			var armed atomic.Bool
			renamed, answer, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			f = mount(t, func(fsys sftpconn.FS) sftpconn.FS {
				return &sftptest.Mock{
					FS: fsys,
					LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
						if path == f.onServer("file") && armed.CompareAndSwap(true, false) {
							go func() { done <- os.Rename(f.onMount("new"), f.onMount("file")) }()
							<-renamed
							time.AfterFunc(100*time.Millisecond, func() { close(answer) })
						}
						return fsys.Lstat(ctx, path)
					},
					RenameFn: func(ctx context.Context, from, to string, replace bool) error {
						err := fsys.Rename(ctx, from, to, replace)
						close(renamed)
						<-answer
						return err
					},
				}
			})
			f.put("file", oldContent)
			f.put("new", "short")
			reader, err := os.Open(f.onMount("file"))
			require.NoError(t, err)
			defer func() { _ = reader.Close() }()
			root := nodeOf(f.server.tree.root.EmbeddedInode())
			old := nodeOf(root.GetChild("file"))
			armed.Store(true)
			size, errno := sizeOf(&fuse.Context{Cancel: t.Context().Done()}, root, old)
			require.Zero(t, errno)
			assert.Equal(t, len(oldContent), size)
			require.NoError(t, <-done)
		})
	}
}

const oldContent = "the old content, which is long"

// An open that comes when the file was replaced gets what has its name now, where that
// makes no difference: the kernel would look the name up only once more.
func TestOpenOfAFileThatWasReplaced(t *testing.T) {
	f := mount(t, nil)
	for name, test := range map[string]struct {
		flags uint32
		mode  os.FileMode // of the new file
		held  bool        // the old one is open
		want  syscall.Errno
	}{
		"to read":  {syscall.O_RDONLY, 0o644, false, 0},
		"to write": {syscall.O_RDWR, 0o644, false, syscall.ESTALE},
		"private":  {syscall.O_RDONLY, 0o600, false, syscall.ESTALE},
		"held":     {syscall.O_RDONLY, 0o644, true, syscall.ESTALE},
	} {
		t.Run(name, func(t *testing.T) {
			f.put(name, "old")
			f.put("new", "the new one")
			require.NoError(t, os.Chmod(f.onServer("new"), test.mode))
			f.stat(name)
			old := nodeOf(f.server.tree.root.GetChild(name))
			if test.held {
				reader, err := os.Open(f.onMount(name))
				require.NoError(t, err)
				defer func() { _ = reader.Close() }()
			}
			require.NoError(t, os.Rename(f.onMount("new"), f.onMount(name)))

			ctx := &fuse.Context{Cancel: t.Context().Done()}
			fh, reply, errno := old.Open(ctx, test.flags)
			require.Equal(t, test.want, errno)
			if errno != 0 {
				return
			}
			assert.EqualValues(t, fuse.FOPEN_DIRECT_IO, reply)
			h := fh.(*handle)
			result, errno := h.Read(ctx, make([]byte, 100), 0)
			require.Zero(t, errno)
			content, _ := result.Bytes(nil)
			assert.Equal(t, "the new one", string(content))
			assert.Zero(t, h.Release(ctx))
		})
	}
}

// What an open gets that a rename overtook may be the new file: the node of the old one
// has another size, and maybe pages.
func TestOpenThatARenameOvertook(t *testing.T) {
	var f *fixture
	var armed atomic.Bool
	f = mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{FS: fsys, OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
			if armed.CompareAndSwap(true, false) {
				require.NoError(t, os.Rename(f.onMount("new"), f.onMount("file")))
			}
			return fsys.Open(ctx, path, flags, mode)
		}}
	})
	f.put("file", oldContent)
	f.put("new", "short")
	f.stat("file")
	old := nodeOf(f.server.tree.root.GetChild("file"))
	armed.Store(true)
	ctx := &fuse.Context{Cancel: t.Context().Done()}
	fh, reply, errno := old.Open(ctx, syscall.O_RDONLY)
	require.Zero(t, errno)
	assert.EqualValues(t, fuse.FOPEN_DIRECT_IO, reply)
	assert.Zero(t, fh.(*handle).Release(ctx))
}

// A file with two names that has lost one can get it back.
func TestNameThatIsGivenBack(t *testing.T) {
	for name, giveBack := range map[string]func(from, to string) error{"Rename": os.Rename, "Link": os.Link} {
		t.Run(name, func(t *testing.T) {
			f := mount(t, nil)
			f.put("file", "the file")
			f.put("new", "another")
			require.NoError(t, os.Link(f.onMount("file"), f.onMount("other name")))
			require.NoError(t, os.Rename(f.onMount("new"), f.onMount("file")))
			if name == "Link" {
				require.NoError(t, os.Remove(f.onMount("file")))
			}
			require.NoError(t, giveBack(f.onMount("other name"), f.onMount("file")))
			data, err := os.ReadFile(f.onMount("file"))
			require.NoError(t, err)
			assert.Equal(t, "the file", string(data))
		})
	}
}
