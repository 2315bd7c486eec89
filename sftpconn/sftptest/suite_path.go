package sftptest

import (
	"errors"
	"io/fs"
	"path"
	"syscall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var pathTests = map[string]func(*fixture){
	"Home":     testHome,
	"RealPath": testRealPath,
	"StatVFS":  testStatVFS,
}

func testHome(f *fixture) {
	home, err := f.fs.RealPath(f.ctx, "")
	require.NoError(f, err)
	assert.True(f, path.IsAbs(home), home)
	attr, err := f.fs.Stat(f.ctx, home)
	require.NoError(f, err)
	assert.True(f, attr.IsDir())
	dot, err := f.fs.RealPath(f.ctx, ".")
	require.NoError(f, err)
	assert.Equal(f, home, dot)

	// The user's home need not be where the session starts.
	tilde, err := f.fs.RealPath(f.ctx, "~")
	require.NoError(f, err)
	assert.True(f, path.IsAbs(tilde), tilde)
	slash, err := f.fs.RealPath(f.ctx, "~/")
	require.NoError(f, err)
	assert.Equal(f, tilde, slash)
}

func testRealPath(f *fixture) {
	f.putDir("dir/sub")
	root, err := f.fs.RealPath(f.ctx, f.root)
	require.NoError(f, err)
	for in, want := range map[string]string{
		"/":                              "/",
		f.path("dir"):                    root + "/dir",
		f.path("dir/"):                   root + "/dir",
		f.path("dir/./sub/../sub"):       root + "/dir/sub",
		f.path("/dir//sub"):              root + "/dir/sub",
		f.path("dir/../../../../../.."):  "",
		f.path("dir/sub/../../dir/sub/"): root + "/dir/sub",
	} {
		got, err := f.fs.RealPath(f.ctx, in)
		require.NoError(f, err, in)
		assert.Equal(f, path.Clean(got), got)
		if want != "" {
			assert.Equal(f, want, got, in)
		}
	}
}

func testStatVFS(f *fixture) {
	got, err := f.fs.StatVFS(f.ctx, f.put("file", nil))
	if !f.has(StatVFS) {
		require.ErrorIs(f, err, errors.ErrUnsupported)
		return
	}
	require.NoError(f, err)
	var want syscall.Statfs_t
	require.NoError(f, syscall.Statfs(f.root, &want))
	assert.EqualValues(f, want.Bsize, got.BlockSize)
	assert.EqualValues(f, want.Frsize, got.FragmentSize)
	assert.Equal(f, want.Blocks, got.Blocks)
	assert.Equal(f, want.Files, got.Files)
	assert.EqualValues(f, want.Namelen, got.MaxNameLength)
	// Others use this file system too.
	assert.InDelta(f, want.Bfree, got.BlocksFree, float64(want.Blocks)/10+1)
	assert.InDelta(f, want.Bavail, got.BlocksAvail, float64(want.Blocks)/10+1)
	assert.InDelta(f, want.Ffree, got.FilesFree, float64(want.Files)/10+1)

	_, err = f.fs.StatVFS(f.ctx, f.path("absent"))
	require.ErrorIs(f, err, fs.ErrNotExist)
}
