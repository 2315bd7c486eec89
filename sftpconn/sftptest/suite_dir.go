package sftptest

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var dirTests = map[string]func(*fixture){
	"MkdirMode":      testMkdirMode,
	"MkdirExisting":  testMkdirExisting,
	"ReadDirEmpty":   testReadDirEmpty,
	"ReadDirKinds":   testReadDirKinds,
	"ReadDirMany":    testReadDirMany,
	"ReadDirLink":    testReadDirLink,
	"ReadDirFile":    testReadDirFile,
	"ReadDirChanges": testReadDirChanges,
	"Rmdir":          testRmdir,
	"RmdirFull":      testRmdirFull,
	"RmdirFile":      testRmdirFile,
	"Remove":         testRemove,
	"RemoveLink":     testRemoveLink,
	"RemoveDir":      testRemoveDir,
}

func testMkdirMode(f *fixture) {
	for _, mode := range []uint32{0o777, 0o700, 0o755, 0o1777, 0o500} {
		path := f.path(octal(mode))
		attr, err := f.fs.Mkdir(f.ctx, path, mode)
		require.NoError(f, err, octal(mode))
		assert.Equal(f, syscall.S_IFDIR|mode, attr.Mode, octal(mode))
		f.sameOnDisk(path, attr, octal(mode))
	}
}

func testMkdirExisting(f *fixture) {
	f.putDir("dir")
	f.put("file", nil)
	require.NoError(f, os.Symlink("nowhere", f.path("link")))
	for _, name := range []string{"dir", "file", "link"} {
		before := diskAttr(f, f.path(name))
		_, err := f.fs.Mkdir(f.ctx, f.path(name), 0o700)
		require.Error(f, err, name)
		assert.NotErrorIs(f, err, fs.ErrNotExist, name)
		assert.Equal(f, before, diskAttr(f, f.path(name)), name)
	}
}

func testReadDirEmpty(f *fixture) {
	entries, err := f.fs.ReadDir(f.ctx, f.root)
	require.NoError(f, err)
	assert.Empty(f, entries)
}

func testReadDirKinds(f *fixture) {
	f.put("file", []byte("some"))
	f.putDir("dir")
	require.NoError(f, os.Symlink("dir", f.path("link")))
	require.NoError(f, os.Symlink("nowhere", f.path("dangling")))
	require.NoError(f, syscall.Mkfifo(f.path("fifo"), 0o600))
	f.listedAsOnDisk(5)
}

func testReadDirMany(f *fixture) {
	const files = 1500
	for i := range files {
		require.NoError(f, os.WriteFile(f.path(fmt.Sprintf("a name of middling length %d", i)), make([]byte, i%7), 0o600))
	}
	f.listedAsOnDisk(files)
}

// listedAsOnDisk checks that the root's listing has n entries, each once and as
// the disk has it.
func (f *fixture) listedAsOnDisk(n int) {
	f.Helper()
	entries, err := f.fs.ReadDir(f.ctx, f.root)
	require.NoError(f, err)
	require.Len(f, entries, n)
	seen := make(map[string]bool)
	for _, e := range entries {
		assert.False(f, seen[e.Name], e.Name)
		seen[e.Name] = true
		f.sameOnDisk(f.path(e.Name), e.Attr, e.Name)
	}
}

func testReadDirLink(f *fixture) {
	f.put("dir/file", nil)
	require.NoError(f, os.Symlink("dir", f.path("link")))
	assert.Equal(f, []string{"file"}, f.names(f.path("link")))
}

func testReadDirFile(f *fixture) {
	_, err := f.fs.ReadDir(f.ctx, f.put("file", nil))
	require.Error(f, err)
}

// A listing shows what was changed through the FS before.
func testReadDirChanges(f *fixture) {
	assert.Empty(f, f.names(f.root))
	f.create("file", nil)
	assert.Equal(f, []string{"file"}, f.names(f.root))
	_, err := f.fs.Mkdir(f.ctx, f.path("dir"), 0o755)
	require.NoError(f, err)
	_, err = f.fs.Symlink(f.ctx, "dir", f.path("link"))
	require.NoError(f, err)
	assert.ElementsMatch(f, []string{"file", "dir", "link"}, f.names(f.root))
	require.NoError(f, f.fs.Rename(f.ctx, f.path("file"), f.path("dir/moved"), true))
	assert.ElementsMatch(f, []string{"dir", "link"}, f.names(f.root))
	assert.Equal(f, []string{"moved"}, f.names(f.path("dir")))
	require.NoError(f, f.fs.Remove(f.ctx, f.path("dir/moved")))
	assert.Empty(f, f.names(f.path("dir")))
	require.NoError(f, f.fs.Remove(f.ctx, f.path("link")))
	require.NoError(f, f.fs.Rmdir(f.ctx, f.path("dir")))
	assert.Empty(f, f.names(f.root))
}

func testRmdir(f *fixture) {
	path := f.putDir("dir")
	require.NoError(f, f.fs.Rmdir(f.ctx, path))
	assert.NoFileExists(f, path)
	f.absent(path)
	require.ErrorIs(f, f.fs.Rmdir(f.ctx, path), fs.ErrNotExist)
}

func testRmdirFull(f *fixture) {
	file := f.put("dir/file", []byte("kept"))
	require.Error(f, f.fs.Rmdir(f.ctx, f.path("dir")))
	f.contentOnDisk(file, []byte("kept"))
}

func testRmdirFile(f *fixture) {
	f.needs(TypedRemove)
	path := f.put("file", nil)
	require.Error(f, f.fs.Rmdir(f.ctx, path))
	assert.FileExists(f, path)
}

func testRemove(f *fixture) {
	path := f.put("file", nil)
	require.NoError(f, f.fs.Remove(f.ctx, path))
	assert.NoFileExists(f, path)
	f.absent(path)
	require.ErrorIs(f, f.fs.Remove(f.ctx, path), fs.ErrNotExist)
}

func testRemoveLink(f *fixture) {
	file := f.put("file", nil)
	require.NoError(f, os.Symlink("file", f.path("link")))
	require.NoError(f, f.fs.Remove(f.ctx, f.path("link")))
	f.absent(f.path("link"))
	assert.FileExists(f, file)
}

func testRemoveDir(f *fixture) {
	f.needs(TypedRemove)
	path := f.putDir("dir")
	require.Error(f, f.fs.Remove(f.ctx, path))
	assert.DirExists(f, path)
}

// absent checks that the FS does not find path.
func (f *fixture) absent(path string) {
	f.Helper()
	_, err := f.fs.Lstat(f.ctx, path)
	assert.ErrorIs(f, err, fs.ErrNotExist)
}
