package sftptest

import (
	"syscall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// fileTests are about attributes of open files, and about open files whose name
// changes.
var fileTests = map[string]func(*fixture){
	"SetAttr":          testFileSetAttr,
	"Renamed":          testFileRenamed,
	"RenamedDir":       testFileInRenamedDir,
	"Removed":          testFileRemoved,
	"Replaced":         testFileReplaced,
	"TimesWhenMoved":   testFileTimesWhenMoved,
	"TimesWhenRemoved": testFileTimesWhenRemoved,
	"SeenByPath":       testFileSeenByPath,
}

func testFileSetAttr(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	for _, set := range []sftpconn.SetAttr{setMode(0o751), setSize(4), setTimes(41, 42), setSize(1 << 33)} {
		require.NoError(f, file.SetAttr(set).Wait(f.ctx))
		require.NoError(f, file.Flush(f.ctx))
		f.sameByPath(file, path)
	}
}

// sameByPath compares what file says of itself with what the disk, and the FS, say
// of its path.
func (f *fixture) sameByPath(file sftpconn.File, path string) sftpconn.Attr {
	f.Helper()
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	f.sameOnDisk(path, attr)
	byPath, err := f.fs.Lstat(f.ctx, path)
	require.NoError(f, err)
	assert.Equal(f, attr, byPath)
	return attr
}

func testFileRenamed(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	moved := f.path("moved")
	require.NoError(f, f.fs.Rename(f.ctx, path, moved, true))
	f.create("file", []byte("another of the name"))
	f.worksAt(file, moved)
	f.contentOnDisk(path, []byte("another of the name"))
}

func testFileInRenamedDir(f *fixture) {
	path := f.put("dir/sub/file", []byte("0123456789"))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	require.NoError(f, f.fs.Rename(f.ctx, f.path("dir"), f.path("moved"), true))
	f.absent(path)
	f.worksAt(file, f.path("moved/sub/file"))
}

// worksAt checks that file, which holds ten digits, is now at path and can be
// read, written and changed.
func (f *fixture) worksAt(file sftpconn.File, path string) {
	f.Helper()
	f.sameBytes([]byte("0123456789"), f.read(file, 10))
	require.NoError(f, file.Write([]byte("ab"), 4).Wait(f.ctx))
	require.NoError(f, file.SetAttr(setSize(8)).Wait(f.ctx))
	require.NoError(f, file.SetAttr(setMode(0o640)).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, []byte("0123ab67"))
	assert.EqualValues(f, syscall.S_IFREG|0o640, f.sameByPath(file, path).Mode)
}

func testFileRemoved(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	require.NoError(f, f.fs.Remove(f.ctx, path))
	f.worksUnseen(file)
	f.absent(path)
	assert.NoFileExists(f, path)
}

func testFileReplaced(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	require.NoError(f, f.fs.Rename(f.ctx, f.create("new", []byte("new")), path, true))
	f.worksUnseen(file)
	f.contentOnDisk(path, []byte("new"))
	f.seenAsOnDisk(path)
}

// worksUnseen checks that file, which holds ten digits and has no name, can be
// read, written and changed.
func (f *fixture) worksUnseen(file sftpconn.File) {
	f.Helper()
	f.sameBytes([]byte("0123456789"), f.read(file, 10))
	require.NoError(f, file.Write([]byte("ab"), 4).Wait(f.ctx))
	require.NoError(f, file.SetAttr(setSize(8)).Wait(f.ctx))
	require.NoError(f, file.SetAttr(setMode(0o640)).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	f.sameBytes([]byte("0123ab67"), f.read(file, 8))
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	assert.EqualValues(f, 8, attr.Size)
	assert.EqualValues(f, syscall.S_IFREG|0o640, attr.Mode)
}

func testFileTimesWhenMoved(f *fixture) {
	f.needs(HandleTimes)
	path := f.put("file", nil)
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	require.NoError(f, f.fs.Rename(f.ctx, path, f.path("moved"), true))
	require.NoError(f, file.SetAttr(setTimes(51, 52)).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	assert.EqualValues(f, 52, diskAttr(f, f.path("moved")).Mtime)
}

func testFileTimesWhenRemoved(f *fixture) {
	f.needs(HandleTimes)
	path := f.put("file", nil)
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	require.NoError(f, f.fs.Remove(f.ctx, path))
	require.NoError(f, file.SetAttr(setTimes(51, 52)).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	assert.EqualValues(f, 52, attr.Mtime)
}

// What was written through an open file is seen by path, in the listing and
// through another open file.
func testFileSeenByPath(f *fixture) {
	path := f.create("file", nil)
	assert.Equal(f, []string{"file"}, f.names(f.root))
	writer := f.open(path, sftpconn.Write, 0)
	reader := f.open(path, sftpconn.Read, 0)
	for size := 1000; size < 1_000_000; size *= 3 {
		require.NoError(f, writer.Write(pattern(size), 0).Wait(f.ctx))
		require.NoError(f, writer.Flush(f.ctx))
		f.seenAsOnDisk(path)
		listing, err := f.fs.ReadDir(f.ctx, f.root)
		require.NoError(f, err)
		require.Len(f, listing, 1)
		f.sameOnDisk(path, listing[0].Attr)
		f.sameBytes(pattern(size), f.read(reader, size))
	}
}
