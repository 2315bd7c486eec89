package fusefs

import (
	"context"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestShow(t *testing.T) {
	uid, gid, umask := uint32(7), uint32(8), uint32(0o027)
	attr := sftpconn.Attr{
		Valid: sftpconn.AttrAll, Size: 1025, UID: 1, GID: 2,
		Mode: syscall.S_IFREG | 0o4755, Atime: 1 << 31, Mtime: math.MaxUint32,
	}
	plain := fuse.Attr{
		Size: 1025, Blocks: 3, Blksize: 4096, Nlink: 1, Mode: syscall.S_IFREG | 0o4755,
		Owner: fuse.Owner{Uid: 1, Gid: 2},
		Atime: 1 << 31, Mtime: math.MaxUint32, Ctime: math.MaxUint32,
	}
	t.Run("as it is", func(t *testing.T) {
		var out fuse.Attr
		(&Options{}).show(&out, attr, 1)
		assert.Equal(t, plain, out)
	})
	t.Run("with uid, gid and umask", func(t *testing.T) {
		var out fuse.Attr
		(&Options{UID: &uid, GID: &gid, Umask: &umask}).show(&out, attr, 1)
		want := plain
		want.Owner, want.Mode = fuse.Owner{Uid: 7, Gid: 8}, syscall.S_IFREG|0o750
		assert.Equal(t, want, out)
	})
	t.Run("of a size that is none", func(t *testing.T) {
		var out fuse.Attr
		(&Options{}).show(&out, sftpconn.Attr{Valid: sftpconn.AttrSize, Size: math.MaxUint64}, 1)
		assert.EqualValues(t, math.MaxInt64, out.Size)
		assert.EqualValues(t, 1<<54, out.Blocks)
	})
}

func TestTimes(t *testing.T) {
	f := mount(t, nil)
	f.put("file", "x")
	set := func(atime, mtime unix.Timespec) unix.Stat_t {
		times := []unix.Timespec{atime, mtime}
		require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, f.onMount("file"), times, 0))
		return f.stat("file")
	}
	at := func(s int64) unix.Timespec { return unix.Timespec{Sec: s} }
	omit, now := unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Nsec: unix.UTIME_NOW}

	st := set(at(1000), at(2000))
	assert.Equal(t, []int64{1000, 2000}, []int64{st.Atim.Sec, st.Mtim.Sec})
	st = set(at(3000), omit)
	assert.Equal(t, []int64{3000, 2000}, []int64{st.Atim.Sec, st.Mtim.Sec})
	st = set(omit, at(4000))
	assert.Equal(t, []int64{3000, 4000}, []int64{st.Atim.Sec, st.Mtim.Sec})
	st = set(now, omit)
	assert.InDelta(t, time.Now().Unix(), st.Atim.Sec, 5)
	assert.EqualValues(t, 4000, st.Mtim.Sec)
	st = set(at(1<<32-2), at(1<<31))
	assert.Equal(t, []int64{1<<32 - 2, 1 << 31}, []int64{st.Atim.Sec, st.Mtim.Sec})
	st = set(omit, omit)
	assert.Equal(t, []int64{1<<32 - 2, 1 << 31}, []int64{st.Atim.Sec, st.Mtim.Sec})
	st = set(at(-5), at(1<<33))
	assert.Equal(t, []int64{0, 1<<32 - 1}, []int64{st.Atim.Sec, st.Mtim.Sec})
}

// What changes the status of a file here moves its ctime, and what fails does not.
func TestChangeTime(t *testing.T) {
	f := mount(t, nil)
	f.put("file", "x")
	require.NoError(t, os.Chtimes(f.onServer("file"), time.Unix(1000, 0), time.Unix(1000, 0)))
	ctime := func() int64 {
		st := f.stat("file")
		return st.Ctim.Nano()
	}
	assert.Equal(t, time.Unix(1000, 0).UnixNano(), ctime(), "nothing else is known of it")
	f.put("other", "x")
	for _, test := range []struct {
		name   string
		change func() error
		moves  bool
	}{
		{"chmod", func() error { return os.Chmod(f.onMount("file"), 0o600) }, true},
		{"utimens", func() error { return os.Chtimes(f.onMount("file"), time.Unix(5, 0), time.Unix(5, 0)) }, true},
		{"link", func() error { return os.Link(f.onMount("file"), f.onMount("link")) }, true},
		{"read", func() error { _, err := os.ReadFile(f.onMount("file")); return err }, false},
		{"unlink", func() error { return os.Remove(f.onMount("link")) }, true},
		{"link again", func() error { return os.Link(f.onMount("file"), f.onMount("link")) }, true},
		{"replace", func() error { return os.Rename(f.onMount("other"), f.onMount("link")) }, true},
		{"rename", func() error { return os.Rename(f.onMount("link"), f.onMount("away")) }, false},
	} {
		before := ctime()
		require.NoError(t, test.change(), test.name)
		assert.Equal(t, test.moves, ctime() > before, test.name)
		assert.LessOrEqual(t, ctime(), time.Now().UnixNano(), test.name)
	}
	before := ctime()
	require.NoError(t, os.Rename(f.onMount("file"), f.onMount("new name")))
	st := f.stat("new name")
	assert.Greater(t, st.Ctim.Nano(), before)

	// The kernel forgets the file.
	root := f.server.tree.root.EmbeddedInode()
	require.Zero(t, root.NotifyEntry("new name"))
	require.Eventually(t, func() bool { return root.GetChild("new name") == nil }, testTime, time.Millisecond)
	again := f.stat("new name")
	assert.Equal(t, st.Ctim, again.Ctim, "it does not go back")
}

// No name is longer than 255 bytes, whatever is known of its absence.
func TestLongNames(t *testing.T) {
	f := mount(t, nil)
	longest, longer := strings.Repeat("n", 255), strings.Repeat("n", 256)
	f.write(longest, "x")
	assert.Equal(t, "x", f.get(longest))
	for _, call := range []func(string) error{
		func(p string) error { return unix.Stat(p, new(unix.Stat_t)) },
		func(p string) error { return unix.Mkdir(p, 0o700) },
		func(p string) error { return unix.Symlink("x", p) },
		func(p string) error { return unix.Link(f.onMount(longest), p) },
		func(p string) error { return unix.Rename(f.onMount(longest), p) },
		unix.Unlink, unix.Rmdir,
	} {
		assert.Equal(t, syscall.ENAMETOOLONG, call(f.onMount(longer)))
	}
}

func TestOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	f := mount(t, nil)
	f.put("file", "x")
	for _, step := range []struct{ uid, gid, wantUID, wantGID int }{
		{1000, 2000, 1000, 2000}, {3000, -1, 3000, 2000}, {-1, 4000, 3000, 4000},
	} {
		require.NoError(t, os.Chown(f.onMount("file"), step.uid, step.gid))
		st := f.stat("file")
		assert.EqualValues(t, step.wantUID, st.Uid)
		assert.EqualValues(t, step.wantGID, st.Gid)
	}
	require.NoError(t, os.Symlink("file", f.onServer("link")))
	require.NoError(t, os.Lchown(f.onMount("link"), 5000, -1))
	assert.EqualValues(t, 5000, f.stat("link").Uid)
	assert.EqualValues(t, 3000, f.stat("file").Uid)
}

func TestModes(t *testing.T) {
	f := mount(t, nil)
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	require.NoError(t, unix.Mkdir(f.onMount("dir"), 0o1777))
	assert.EqualValues(t, unix.S_IFDIR|0o1750, f.stat("dir").Mode)
	fd, err := unix.Open(f.onMount("file"), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	assert.EqualValues(t, unix.S_IFREG|0o640, f.stat("file").Mode)
	fd, err = unix.Open(f.onMount("readonly"), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	assert.EqualValues(t, unix.S_IFREG, f.stat("readonly").Mode)
	require.NoError(t, unix.Mknod(f.onMount("node"), 0o644, 0))
	assert.EqualValues(t, unix.S_IFREG|0o640, f.stat("node").Mode)
	require.NoError(t, unix.Chmod(f.onMount("file"), 0o4711))
	assert.EqualValues(t, unix.S_IFREG|0o4711, f.stat("file").Mode)
}

func TestAccess(t *testing.T) {
	f := mount(t, nil)
	f.put("file", "x")
	require.NoError(t, unix.Access(f.onMount("file"), unix.R_OK|unix.W_OK))
	require.ErrorIs(t, unix.Access(f.onMount("file"), unix.X_OK), unix.EACCES)
	require.ErrorIs(t, unix.Access(f.onMount("none"), unix.F_OK), unix.ENOENT)
	require.NoError(t, unix.Access(f.mnt, unix.X_OK))
	require.NoError(t, os.Chmod(f.onServer("file"), 0o100))
	f.server.tree.notifier.forgetAttributes(t.Context(), f.server.tree.root.GetChild("file"))
	require.NoError(t, unix.Access(f.onMount("file"), unix.X_OK))
}

func TestStatfs(t *testing.T) {
	var st, want unix.Statfs_t
	t.Run("told", func(t *testing.T) {
		f := mount(t, nil)
		require.NoError(t, unix.Statfs(f.mnt, &st))
		require.NoError(t, unix.Statfs(f.dir, &want))
		assert.Equal(t, want.Blocks*uint64(want.Bsize), st.Blocks*uint64(st.Frsize))
		assert.Equal(t, want.Files, st.Files)
		assert.EqualValues(t, 255, st.Namelen)
	})
	t.Run("not told", func(t *testing.T) {
		f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
			return &sftptest.Mock{FS: fsys, StatVFSFn: func(context.Context, string) (sftpconn.StatVFS, error) {
				return sftpconn.StatVFS{}, &sftpconn.StatusError{Code: sftpconn.StatusOpUnsupported}
			}}
		})
		require.NoError(t, unix.Statfs(f.mnt, &st))
		assert.Zero(t, st.Blocks)
		assert.EqualValues(t, 255, st.Namelen)
	})
}

// TestStrangeAttributes is a server that tells little, or nonsense.
func TestStrangeAttributes(t *testing.T) {
	var attr shared[sftpconn.Attr]
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{
			FS: fsys,
			LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
				if len(path) > 8 && path[len(path)-8:] == "/strange" {
					return attr.get(), nil
				}
				return fsys.Lstat(ctx, path)
			},
			ReadDirFn: func(context.Context, string) ([]sftpconn.DirEntry, error) {
				return []sftpconn.DirEntry{{Name: "strange", Attr: attr.get()}}, nil
			},
		}
	}, func(o *Options) { o.EntryTimeout, o.AttrTimeout = 0, 0 })

	attr.set(sftpconn.Attr{})
	assert.EqualValues(t, unix.S_IFREG|0o600, f.stat("strange").Mode)
	attr.set(sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: 0o170000 | 0o644})
	require.ErrorIs(t, unix.Lstat(f.onMount("strange"), new(unix.Stat_t)), unix.EIO)
	dir, err := os.Open(f.mnt)
	require.NoError(t, err)
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	require.NoError(t, err)
	assert.Equal(t, []string{"strange"}, names)
	attr.set(sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFREG, Size: math.MaxUint64})
	assert.EqualValues(t, math.MaxInt64, f.stat("strange").Size)
}
