package sftptest

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var openTests = map[string]func(*fixture){
	"Absent":            testOpenAbsent,
	"CreateMode":        testCreateMode,
	"CreateExisting":    testCreateExisting,
	"CreateThroughLink": testCreateThroughLink,
	"Exclusive":         testExclusive,
	"Truncate":          testTruncate,
	"ThroughLink":       testOpenThroughLink,
	"AttrIsFresh":       testOpenAttrIsFresh,
	"ReadOnly":          testReadOnly,
	"WriteOnly":         testWriteOnly,
	"Append":            testAppend,
}

func testOpenAbsent(f *fixture) {
	for _, flags := range []sftpconn.OpenFlags{sftpconn.Read, sftpconn.Write, sftpconn.Write | sftpconn.Truncate} {
		_, _, err := f.fs.Open(f.ctx, f.path("absent"), flags, 0)
		assert.ErrorIs(f, err, fs.ErrNotExist)
	}
	assert.NoFileExists(f, f.path("absent"))
}

func testCreateMode(f *fixture) {
	for _, mode := range []uint32{0o777, 0o666, 0o644, 0o600, 0o400, 0o000} {
		for _, flags := range []sftpconn.OpenFlags{0, sftpconn.Excl, sftpconn.Truncate, sftpconn.Read} {
			path := f.path(octal(mode) + octal(uint32(flags)))
			file, attr, err := f.fs.Open(f.ctx, path, sftpconn.Write|sftpconn.Create|flags, mode)
			require.NoError(f, err, octal(mode))
			assert.Equal(f, syscall.S_IFREG|mode, attr.Mode, octal(mode))
			require.NoError(f, file.Flush(f.ctx))
			f.sameOnDisk(path, attr, octal(mode))
			// The mode does not bind who made the file.
			require.NoError(f, file.Write([]byte("x"), 0).Wait(f.ctx))
			require.NoError(f, file.Flush(f.ctx))
			require.NoError(f, file.Close(f.ctx))
			require.NoError(f, os.Chmod(path, 0o600)) // for a test that is not root's
			f.contentOnDisk(path, []byte("x"))
		}
	}
}

// The mode is that of a new file: one that is there keeps its own.
func testCreateExisting(f *fixture) {
	path := f.put("file", []byte("kept"))
	require.NoError(f, os.Chmod(path, 0o640))
	file, attr, err := f.fs.Open(f.ctx, path, sftpconn.Read|sftpconn.Write|sftpconn.Create, 0o777)
	require.NoError(f, err)
	assert.EqualValues(f, syscall.S_IFREG|0o640, attr.Mode)
	f.sameOnDisk(path, attr)
	f.contentOnDisk(path, []byte("kept"))
	require.NoError(f, file.Close(f.ctx))
}

// As open(2) with O_CREAT, but without O_EXCL, a dangling link's target is made.
func testCreateThroughLink(f *fixture) {
	require.NoError(f, os.Symlink("target", f.path("link")))
	file := f.open(f.path("link"), sftpconn.Write|sftpconn.Create, 0o644)
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	f.sameOnDisk(f.path("target"), attr)
}

func testExclusive(f *fixture) {
	f.put("file", []byte("kept"))
	f.putDir("dir")
	require.NoError(f, os.Symlink("nowhere", f.path("dangling")))
	for _, name := range []string{"file", "dir", "dangling"} {
		_, _, err := f.fs.Open(f.ctx, f.path(name), sftpconn.Write|sftpconn.Create|sftpconn.Excl|sftpconn.Truncate, 0o600)
		require.Error(f, err, name)
		assert.NotErrorIs(f, err, fs.ErrNotExist, name)
	}
	f.contentOnDisk(f.path("file"), []byte("kept"))
	assert.NoFileExists(f, f.path("nowhere"))
}

func testTruncate(f *fixture) {
	path := f.put("file", []byte("gone"))
	_, attr, err := f.fs.Open(f.ctx, path, sftpconn.Write|sftpconn.Truncate, 0)
	require.NoError(f, err)
	assert.Zero(f, attr.Size)
	f.sameOnDisk(path, attr)

	path = f.put("other", []byte("gone"))
	_, attr, err = f.fs.Open(f.ctx, path, sftpconn.Write|sftpconn.Create|sftpconn.Truncate, 0o600)
	require.NoError(f, err)
	assert.Zero(f, attr.Size)
	f.sameOnDisk(path, attr)
}

func testOpenThroughLink(f *fixture) {
	path := f.put("file", []byte("content"))
	require.NoError(f, os.Symlink("file", f.path("link")))
	file, attr, err := f.fs.Open(f.ctx, f.path("link"), sftpconn.Read, 0)
	require.NoError(f, err)
	f.sameOnDisk(path, attr)
	f.sameBytes([]byte("content"), f.read(file, 7))
}

// What was changed elsewhere before Open is seen by it (close-to-open).
func testOpenAttrIsFresh(f *fixture) {
	path := f.put("file", []byte("old"))
	_, err := f.fs.Lstat(f.ctx, path)
	require.NoError(f, err)
	for i, content := range []string{"changed elsewhere", "", "again"} {
		require.NoError(f, os.WriteFile(path, []byte(content), 0o644))
		file, attr, err := f.fs.Open(f.ctx, path, sftpconn.Read, 0)
		require.NoError(f, err)
		f.sameOnDisk(path, attr, i)
		f.sameBytes([]byte(content), f.read(file, len(content)))
		require.NoError(f, file.Close(f.ctx))
	}
}

func testReadOnly(f *fixture) {
	path := f.put("file", []byte("kept"))
	file := f.open(path, sftpconn.Read, 0)
	_ = file.Write([]byte("x"), 0).Wait(f.ctx) // a layer above may report it later
	assert.Error(f, file.Flush(f.ctx))
	f.contentOnDisk(path, []byte("kept"))
}

func testWriteOnly(f *fixture) {
	file := f.open(f.put("file", []byte("content")), sftpconn.Write, 0)
	_, err := file.ReadAt(f.ctx, make([]byte, 7), 0)
	assert.Error(f, err)
}

// Every write goes to the end, whatever offset it names and whoever moved the
// end.
func testAppend(f *fixture) {
	f.needs(Append)
	path := f.put("file", []byte("start "))
	one := f.open(path, sftpconn.Write|sftpconn.Append, 0)
	two := f.open(path, sftpconn.Write|sftpconn.Append, 0)
	want := "start "
	for i, file := range []sftpconn.File{one, one, two, one} {
		text := []string{"a", "bb", "ccc", "dddd"}[i]
		require.NoError(f, file.Write([]byte(text), 0).Wait(f.ctx))
		require.NoError(f, file.Flush(f.ctx))
		want += text
	}
	f.contentOnDisk(path, []byte(want))
}
