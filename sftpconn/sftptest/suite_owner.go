package sftptest

import (
	"os"
	"syscall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var ownerTests = map[string]func(*fixture){
	"GivenAway":     testGivenAway,
	"ExistingStays": testExistingStays,
}

// somebody is neither the user who runs the tests nor one that is known here.
var somebody = sftpconn.Owner{UID: 54321, GID: 54322}

// What is made belongs to the owner in the context if the session is root's,
// and to the session's user otherwise. A set-group-ID folder gives its group.
func testGivenAway(f *fixture) {
	ctx := sftpconn.WithOwner(f.ctx, somebody)
	want, root := somebody, os.Getuid() == 0
	if !root {
		want = sftpconn.Owner{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	}
	shared := f.putDir("shared")
	if root {
		require.NoError(f, os.Chown(shared, 0, 777))
	}
	require.NoError(f, os.Chmod(shared, 0o777|os.ModeSetgid))
	for _, dir := range []string{f.root, shared} {
		want := want
		if dir == shared {
			want.GID = diskAttr(f, shared).GID
		}
		belongs := func(path string, attr sftpconn.Attr) {
			f.Helper()
			assert.Equal(f, want, sftpconn.Owner{UID: attr.UID, GID: attr.GID}, path)
			f.sameOnDisk(path, attr)
		}
		for _, mode := range []uint32{0o640, 0o666, 0o4755} {
			path := dir + "/file" + octal(mode)
			file, attr, err := f.fs.Open(ctx, path, sftpconn.Write|sftpconn.Create, mode)
			require.NoError(f, err)
			require.NoError(f, file.Flush(f.ctx))
			require.NoError(f, file.Close(f.ctx))
			assert.Equal(f, syscall.S_IFREG|mode, attr.Mode)
			belongs(path, attr)
		}
		attr, err := f.fs.Mkdir(ctx, dir+"/dir", 0o777)
		require.NoError(f, err)
		belongs(dir+"/dir", attr)
		assert.EqualValues(f, 0o777, attr.Mode&0o777)
		attr, err = f.fs.Symlink(ctx, "target", dir+"/link")
		require.NoError(f, err)
		if f.has(Lsetstat) {
			belongs(dir+"/link", attr)
		}
	}
}

// A file that is there already is nobody's to give.
func testExistingStays(f *fixture) {
	path := f.put("file", []byte("kept"))
	before := diskAttr(f, path)
	file, attr, err := f.fs.Open(sftpconn.WithOwner(f.ctx, somebody), path, sftpconn.Write|sftpconn.Create, 0o777)
	require.NoError(f, err)
	require.NoError(f, file.Flush(f.ctx))
	require.NoError(f, file.Close(f.ctx))
	assert.Equal(f, [2]uint32{before.UID, before.GID}, [2]uint32{attr.UID, attr.GID})
	f.sameOnDisk(path, attr)
}
