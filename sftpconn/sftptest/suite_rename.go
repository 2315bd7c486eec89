package sftptest

import (
	"io/fs"
	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var renameTests = map[string]func(*fixture){
	"File":         testRenameFile,
	"Replace":      testRenameReplace,
	"NoReplace":    testRenameNoReplace,
	"Link":         testRenameLink,
	"Dir":          testRenameDir,
	"OntoEmptyDir": testRenameOntoEmptyDir,
	"OntoFullDir":  testRenameOntoFullDir,
	"OtherKind":    testRenameOtherKind,
	"Absent":       testRenameAbsent,
	"IntoItself":   testRenameIntoItself,
}

func testRenameFile(f *fixture) {
	for _, replace := range []bool{true, false} {
		old, moved := f.create("old", []byte("content")), f.path("new")
		want := diskAttr(f, old)
		require.NoError(f, f.fs.Rename(f.ctx, old, moved, replace))
		f.absent(old)
		assert.NoFileExists(f, old)
		f.contentOnDisk(moved, []byte("content"))
		assert.Equal(f, want.Mtime, f.seenAsOnDisk(moved).Mtime)
		require.NoError(f, f.fs.Remove(f.ctx, moved))
	}
}

func testRenameReplace(f *fixture) {
	old, there := f.put("old", []byte("content")), f.put("there", []byte("goes away"))
	_, err := f.fs.Lstat(f.ctx, there)
	require.NoError(f, err)
	require.NoError(f, f.fs.Rename(f.ctx, old, there, true))
	f.absent(old)
	f.contentOnDisk(there, []byte("content"))
	f.seenAsOnDisk(there)
	assert.Equal(f, []string{"there"}, f.names(f.root))
}

func testRenameNoReplace(f *fixture) {
	f.needs(RenameNoReplace)
	f.put("file", []byte("file"))
	f.put("other", []byte("other"))
	f.putDir("dir")
	f.putDir("empty")
	require.NoError(f, os.Symlink("nowhere", f.path("link")))
	for _, names := range [][2]string{{"file", "other"}, {"file", "empty"}, {"dir", "empty"}, {"dir", "other"}, {"file", "link"}, {"link", "file"}} {
		err := f.fs.Rename(f.ctx, f.path(names[0]), f.path(names[1]), false)
		require.Error(f, err, names)
		assert.NotErrorIs(f, err, fs.ErrNotExist, names)
	}
	assert.ElementsMatch(f, []string{"file", "other", "dir", "empty", "link"}, f.names(f.root))
	f.contentOnDisk(f.path("file"), []byte("file"))
	f.contentOnDisk(f.path("other"), []byte("other"))
}

func testRenameLink(f *fixture) {
	f.put("file", []byte("kept"))
	_, err := f.fs.Symlink(f.ctx, "file", f.path("link"))
	require.NoError(f, err)
	require.NoError(f, f.fs.Rename(f.ctx, f.path("link"), f.path("moved"), true))
	target, err := f.fs.Readlink(f.ctx, f.path("moved"))
	require.NoError(f, err)
	assert.Equal(f, "file", target)
	f.absent(f.path("link"))
	f.contentOnDisk(f.path("file"), []byte("kept"))
}

func testRenameDir(f *fixture) {
	f.put("dir/sub/file", []byte("content"))
	for _, path := range []string{"dir", "dir/sub"} { // looked at, so remembered
		_ = f.names(f.path(path))
	}
	_, err := f.fs.Lstat(f.ctx, f.path("dir/sub/file"))
	require.NoError(f, err)
	for _, replace := range []bool{true, false} {
		old, moved := "dir", "moved"
		if !replace {
			old, moved = moved, "moved on"
		}
		require.NoError(f, f.fs.Rename(f.ctx, f.path(old), f.path(moved), replace))
		f.absent(f.path(old))
		f.absent(f.path(old + "/sub"))
		f.absent(f.path(old + "/sub/file"))
		assert.Equal(f, []string{"sub"}, f.names(f.path(moved)))
		assert.Equal(f, []string{"file"}, f.names(f.path(moved+"/sub")))
		f.seenAsOnDisk(f.path(moved + "/sub/file"))
	}
}

func testRenameOntoEmptyDir(f *fixture) {
	f.needs(RenameOntoDir)
	f.put("dir/file", []byte("content"))
	empty := f.putDir("empty")
	assert.Empty(f, f.names(empty))
	f.absent(empty + "/file")
	require.NoError(f, f.fs.Rename(f.ctx, f.path("dir"), empty, true))
	f.absent(f.path("dir"))
	assert.Equal(f, []string{"file"}, f.names(empty))
	f.contentOnDisk(empty+"/file", []byte("content"))
}

func testRenameOntoFullDir(f *fixture) {
	one, two := f.put("one/file", []byte("one")), f.put("two/file", []byte("two"))
	require.Error(f, f.fs.Rename(f.ctx, f.path("one"), f.path("two"), true))
	f.contentOnDisk(one, []byte("one"))
	f.contentOnDisk(two, []byte("two"))
}

func testRenameOtherKind(f *fixture) {
	file, dir := f.put("file", []byte("kept")), f.putDir("dir")
	require.Error(f, f.fs.Rename(f.ctx, file, dir, true))
	require.Error(f, f.fs.Rename(f.ctx, dir, file, true))
	f.contentOnDisk(file, []byte("kept"))
	assert.DirExists(f, dir)
}

func testRenameAbsent(f *fixture) {
	there := f.put("there", []byte("kept"))
	for _, replace := range []bool{true, false} {
		require.ErrorIs(f, f.fs.Rename(f.ctx, f.path("absent"), f.path("new"), replace), fs.ErrNotExist)
		require.Error(f, f.fs.Rename(f.ctx, f.path("absent"), there, replace))
		require.ErrorIs(f, f.fs.Rename(f.ctx, there, f.path("absent/new"), replace), fs.ErrNotExist)
	}
	f.contentOnDisk(there, []byte("kept"))
}

func testRenameIntoItself(f *fixture) {
	dir := f.putDir("dir/sub")
	require.Error(f, f.fs.Rename(f.ctx, f.path("dir"), dir+"/in", true))
	assert.DirExists(f, dir)
	file := f.put("file", []byte("kept"))
	require.NoError(f, f.fs.Rename(f.ctx, file, file, true))
	f.contentOnDisk(file, []byte("kept"))
	f.seenAsOnDisk(file)
}
