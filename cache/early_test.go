package cache

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

const newFile = sftpconn.Write | sftpconn.Create | sftpconn.Excl

func setOwners(uid, gid uint32) sftpconn.SetAttr {
	return sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrOwners, UID: uid, GID: gid}}
}

// What is set by path on a file that is being written does not wait: the flush
// does. All that is asked meanwhile is known.
func TestAttributesOfAnOpenFile(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		set := func(set sftpconn.SetAttr) {
			t.Helper()
			_, err := f.SetAttr(ctx, "/d/a", set)
			require.NoError(t, err)
		}
		check := func(mode, mtime uint32) {
			t.Helper()
			attr, err := f.Lstat(ctx, "/d/a")
			require.NoError(t, err)
			assert.EqualValues(t, 200_000, attr.Size)
			assert.EqualValues(t, syscall.S_IFREG|mode, attr.Mode)
			assert.EqualValues(t, mtime, attr.Mtime)
			assert.EqualValues(t, mtime, attr.Atime)
		}
		assert.Equal(t, 2, roundTrips(func() {
			file := open(t, f, "/d/a", newFile)
			write(t, file, pattern(200_000), 0)
			set(setTimes(12345))
			check(0o644, 12345)
			set(setOwners(0, 0))
			set(setMode(0o755))
			check(0o755, 12345)
			require.NoError(t, file.Flush(ctx))
			require.NoError(t, file.Close(ctx))
			check(0o755, 12345)
		}))
		assert.Equal(t, 3, s.count("FSETSTAT"))
		assert.Equal(t, 1, roundTrips(func() { set(setMode(0o700)) }), "it is open no more")
		attr, err := f.Lstat(ctx, "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, syscall.S_IFREG|0o700, attr.Mode)
	})
}

// A change that waits behind data shows in what the server is asked meanwhile.
func TestModeBehindDataIsSeen(t *testing.T) {
	far(t, Options{AttrTimeout: -1}, func(t *testing.T, s *farServer, f *FS) { // nothing can be foreseen
		file := open(t, f, "/d/a", newFile)
		s.fail = func(op, _ string) error {
			if op == "WRITE" {
				s.mu.Unlock()
				time.Sleep(10 * delay)
				s.mu.Lock()
			}
			return nil
		}
		write(t, file, pattern(1000), 0)
		go func() { _, _ = f.SetAttr(t.Context(), "/d/a", setMode(0o755)) }()
		time.Sleep(delay)
		attr, err := f.Lstat(t.Context(), "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, syscall.S_IFREG|0o755, attr.Mode)
		require.NoError(t, file.Close(t.Context()))
	})
}

// The flush tells if the server refused what seemed sure. That a file keeps its
// owners needs no telling.
func TestRefusedChangesOfAnOpenFile(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		s.fail = func(op, _ string) error {
			if op == "FSETSTAT" {
				return syscall.EPERM
			}
			return nil
		}
		file := open(t, f, "/d/a", newFile)
		_, err := f.SetAttr(ctx, "/d/a", setOwners(0, 0))
		require.NoError(t, err)
		require.NoError(t, file.Flush(ctx))
		write(t, file, []byte("x"), 0)
		_, err = f.SetAttr(ctx, "/d/a", setMode(0o755))
		require.NoError(t, err)
		require.ErrorIs(t, file.Flush(ctx), syscall.EPERM)
		attr, err := f.Lstat(ctx, "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, syscall.S_IFREG|0o644, attr.Mode)

		write(t, file, []byte("x"), 0)
		_, err = f.SetAttr(ctx, "/d/a", setOwners(1, 1))
		require.ErrorIs(t, err, syscall.EPERM, "this is not sure, and so it waits")
		require.NoError(t, file.Flush(ctx), "and was told")
	})
}

// A name that is made or removed leaves what is known of its directory, but for
// the time.
func TestChangedDirectoryStaysKnown(t *testing.T) {
	far(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		ctx := t.Context()
		_, err := f.ReadDir(ctx, "/")
		require.NoError(t, err)
		_, err = f.ReadDir(ctx, "/d")
		require.NoError(t, err)
		time.Sleep(3 * time.Second)
		for i, change := range []func() error{
			func() error { _, err := f.Mkdir(ctx, "/d/x", 0o755); return err },
			func() error { _, _, err := f.Open(ctx, "/d/y", newFile, 0o644); return err },
			func() error { return f.Rename(ctx, "/d/x", "/d/z", true) },
			func() error { return f.Remove(ctx, "/d/y") },
		} {
			assert.Equal(t, 1, roundTrips(func() { require.NoError(t, change()) }), "change %d", i)
			assert.Zero(t, roundTrips(func() {
				attr, err := f.Lstat(ctx, "/d")
				require.NoError(t, err)
				assert.InDelta(t, time.Now().Unix(), attr.Mtime, 2, "change %d", i)
			}), "change %d", i)
		}
	})
}
