package sftptest

import (
	"errors"
	"math"
	"os"
	"syscall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var attrTests = map[string]func(*fixture){
	"Types":          testTypes,
	"StatFollows":    testStatFollows,
	"SetMode":        testSetMode,
	"SetSize":        testSetSize,
	"SetTimes":       testSetTimes,
	"SetOwners":      testSetOwners,
	"SetSeveral":     testSetSeveral,
	"SetFollows":     testSetFollows,
	"SetNoFollow":    testSetNoFollow,
	"KnownAfterward": testKnownAfterward,
}

func testTypes(f *fixture) {
	f.put("file", []byte("seven b"))
	f.putDir("dir")
	require.NoError(f, os.Symlink("file", f.path("link")))
	require.NoError(f, syscall.Mkfifo(f.path("fifo"), 0o600))
	for _, name := range []string{"file", "dir", "link", "fifo"} {
		attr, err := f.fs.Lstat(f.ctx, f.path(name))
		require.NoError(f, err, name)
		f.sameOnDisk(f.path(name), attr, name)
	}
}

func testStatFollows(f *fixture) {
	file := f.put("file", []byte("x"))
	dir := f.putDir("dir")
	require.NoError(f, os.Symlink("file", f.path("to file")))
	require.NoError(f, os.Symlink(dir, f.path("to dir")))
	for link, target := range map[string]string{"to file": file, "to dir": dir, "file": file} {
		attr, err := f.fs.Stat(f.ctx, f.path(link))
		require.NoError(f, err, link)
		f.sameOnDisk(target, attr, link)
	}
}

func testSetMode(f *fixture) {
	file, dir := f.put("file", nil), f.putDir("dir")
	for _, mode := range []uint32{0o777, 0o600, 0o000, 0o644, 0o4755, 0o2755, 0o1777} {
		for _, path := range []string{file, dir} {
			attr, err := f.fs.SetAttr(f.ctx, path, setMode(mode))
			require.NoError(f, err, octal(mode))
			f.sameOnDisk(path, attr, octal(mode))
			assert.Equal(f, mode, attr.Mode&0o7777, octal(mode))
		}
	}
}

func testSetSize(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	for _, size := range []uint64{4, 0, 1 << 20, 1 << 40, 3} {
		attr, err := f.fs.SetAttr(f.ctx, path, setSize(size))
		require.NoError(f, err, size)
		assert.Equal(f, size, attr.Size)
		f.sameOnDisk(path, attr, size)
	}
	f.contentOnDisk(path, make([]byte, 3))
}

func testSetTimes(f *fixture) {
	for name, path := range map[string]string{"file": f.put("file", nil), "dir": f.putDir("dir")} {
		for _, c := range []struct{ atime, mtime uint32 }{
			{1, 2},
			{0, 0},
			{1_000_000_000, 999_999_999},
			{math.MaxInt32 + 1, math.MaxInt32 + 2}, // 2038
			{math.MaxUint32, math.MaxUint32},       // 2106
		} {
			attr, err := f.fs.SetAttr(f.ctx, path, setTimes(c.atime, c.mtime))
			require.NoError(f, err, name)
			assert.Equal(f, c.mtime, attr.Mtime, name)
			if f.has(AccessTimes) {
				assert.Equal(f, c.atime, attr.Atime, name)
			}
			f.sameOnDisk(path, attr, name)
			assert.Equal(f, c.atime, diskAttr(f, path).Atime, name)
		}
	}
}

func testSetOwners(f *fixture) {
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	if uid == 0 { // only root may give files away
		uid, gid = 1234, 4_000_000_000
	}
	path := f.put("file", nil)
	attr, err := f.fs.SetAttr(f.ctx, path, sftpconn.SetAttr{
		Attr: sftpconn.Attr{Valid: sftpconn.AttrOwners, UID: uid, GID: gid},
	})
	require.NoError(f, err)
	assert.Equal(f, []uint32{uid, gid}, []uint32{attr.UID, attr.GID})
	f.sameOnDisk(path, attr)
}

func testSetSeveral(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	attr, err := f.fs.SetAttr(f.ctx, path, sftpconn.SetAttr{Attr: sftpconn.Attr{
		Valid: sftpconn.AttrSize | sftpconn.AttrMode | sftpconn.AttrTimes,
		Size:  5, Mode: 0o640, Atime: 11, Mtime: 12,
	}})
	require.NoError(f, err)
	f.sameOnDisk(path, attr)
	assert.EqualValues(f, 5, attr.Size)
	assert.EqualValues(f, syscall.S_IFREG|0o640, attr.Mode)
	assert.EqualValues(f, 11, diskAttr(f, path).Atime)
	assert.EqualValues(f, 12, attr.Mtime)
}

func testSetFollows(f *fixture) {
	file := f.put("file", nil)
	require.NoError(f, os.Symlink("file", f.path("link")))
	attr, err := f.fs.SetAttr(f.ctx, f.path("link"), setMode(0o640))
	require.NoError(f, err)
	assert.EqualValues(f, syscall.S_IFREG|0o640, diskAttr(f, file).Mode)
	f.sameOnDisk(file, attr, "the file that was changed is the link's target")
}

func testSetNoFollow(f *fixture) {
	file := f.put("file", nil)
	link := f.path("link")
	require.NoError(f, os.Symlink("file", link))
	before := diskAttr(f, file)
	set := setTimes(21, 22)
	set.NoFollow = true
	attr, err := f.fs.SetAttr(f.ctx, link, set)
	assert.Equal(f, before, diskAttr(f, file))
	if !f.has(Lsetstat) {
		require.ErrorIs(f, err, errors.ErrUnsupported)
		return
	}
	require.NoError(f, err)
	assert.True(f, attr.IsSymlink())
	assert.EqualValues(f, 22, attr.Mtime)
	f.sameOnDisk(link, attr)
}

// What a change returned is what is then seen, by path and in the listing.
func testKnownAfterward(f *fixture) {
	path := f.put("file", []byte("0123456789"))
	_, err := f.fs.ReadDir(f.ctx, f.root)
	require.NoError(f, err)
	for _, set := range []sftpconn.SetAttr{setMode(0o600), setSize(3), setTimes(31, 32)} {
		changed, err := f.fs.SetAttr(f.ctx, path, set)
		require.NoError(f, err)
		seen, err := f.fs.Lstat(f.ctx, path)
		require.NoError(f, err)
		assert.Equal(f, changed, seen)
		listing, err := f.fs.ReadDir(f.ctx, f.root)
		require.NoError(f, err)
		assert.Equal(f, []sftpconn.DirEntry{{Name: "file", Attr: changed}}, listing)
	}
}
