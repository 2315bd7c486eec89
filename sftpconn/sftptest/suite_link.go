package sftptest

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var linkTests = map[string]func(*fixture){
	"Symlink":          testSymlink,
	"SymlinkExisting":  testSymlinkExisting,
	"ReadlinkOfOthers": testReadlinkOfOthers,
	"Loop":             testSymlinkLoop,
	"Hardlink":         testHardlink,
	"HardlinkFails":    testHardlinkFails,
}

func testSymlink(f *fixture) {
	f.put("file", []byte("x"))
	for i, target := range []string{
		"file",
		f.path("file"),
		"nowhere",
		"/",
		".",
		"..",
		"../" + f.root + "/file",
		"./file",
		"a//b/",
		"dir/../file",
		"\xff\xfe no UTF-8",
		"with\nnewline and 'quotes'",
		" ",
		"~/x",
		strings.Repeat("long/", 600),
	} {
		path := f.path("link " + octal(uint32(i)))
		attr, err := f.fs.Symlink(f.ctx, target, path)
		require.NoError(f, err, "%q", target)
		assert.True(f, attr.IsSymlink(), "%q", target)
		f.sameOnDisk(path, attr, "%q", target)
		onDisk, err := os.Readlink(path)
		require.NoError(f, err)
		assert.Equal(f, target, onDisk)
		got, err := f.fs.Readlink(f.ctx, path)
		require.NoError(f, err, "%q", target)
		assert.Equal(f, target, got)
	}
}

func testSymlinkExisting(f *fixture) {
	file := f.put("file", []byte("kept"))
	_, err := f.fs.Symlink(f.ctx, "nowhere", file)
	require.Error(f, err)
	assert.NotErrorIs(f, err, fs.ErrNotExist)
	f.contentOnDisk(file, []byte("kept"))
}

func testReadlinkOfOthers(f *fixture) {
	for _, path := range []string{f.put("file", nil), f.putDir("dir")} {
		_, err := f.fs.Readlink(f.ctx, path)
		require.Error(f, err)
		assert.NotErrorIs(f, err, fs.ErrNotExist)
	}
}

func testSymlinkLoop(f *fixture) {
	require.NoError(f, os.Symlink("b", f.path("a")))
	require.NoError(f, os.Symlink("a", f.path("b")))
	_, err := f.fs.Stat(f.ctx, f.path("a"))
	require.Error(f, err)
	f.seenAsOnDisk(f.path("a"))
}

func testHardlink(f *fixture) {
	file, link := f.put("file", []byte("content")), f.path("link")
	attr, err := f.fs.Link(f.ctx, file, link)
	if !f.has(Hardlink) {
		require.ErrorIs(f, err, errors.ErrUnsupported)
		return
	}
	require.NoError(f, err)
	f.sameOnDisk(link, attr)
	one, err := os.Stat(file)
	require.NoError(f, err)
	two, err := os.Stat(link)
	require.NoError(f, err)
	assert.True(f, os.SameFile(one, two))
	require.NoError(f, f.fs.Remove(f.ctx, file))
	f.contentOnDisk(link, []byte("content"))
}

func testHardlinkFails(f *fixture) {
	f.needs(Hardlink)
	file, other, dir := f.put("file", []byte("file")), f.put("other", []byte("other")), f.putDir("dir")
	_, err := f.fs.Link(f.ctx, file, other)
	require.Error(f, err)
	_, err = f.fs.Link(f.ctx, dir, f.path("dir2"))
	require.Error(f, err)
	_, err = f.fs.Link(f.ctx, f.path("absent"), f.path("new"))
	require.ErrorIs(f, err, fs.ErrNotExist)
	f.contentOnDisk(other, []byte("other"))
}
