package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestCheckMountpoint(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "link")))
	t.Chdir(dir)

	for _, path := range []string{dir, ".", "link", dir + "/"} {
		got, err := checkMountpoint(path)
		require.NoError(t, err, path)
		assert.Equal(t, dir, got, path)
	}
	for path, message := range map[string]string{
		"file":      "mountpoint file is not a directory",
		"file/x":    "mountpoint file/x: not a directory",
		"not there": "mountpoint not there does not exist: create it with: mkdir 'not there'",
	} {
		_, err := checkMountpoint(path)
		require.EqualError(t, err, message)
		assert.Equal(t, exitMountpoint, exitCode(err))
	}
}

func TestDeadMountIsNamed(t *testing.T) {
	dir := t.TempDir()
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", fuse.Fd(), os.Geteuid(), os.Getegid())
	err = unix.Mount("dead", dir, "fuse", 0, data)
	require.NoError(t, fuse.Close())
	if errors.Is(err, syscall.EPERM) {
		t.Skip("only root can leave a dead mount without fusermount3")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })

	_, err = checkMountpoint(dir)
	require.EqualError(t, err, "mountpoint "+dir+
		" is a dead mount (transport endpoint is not connected): the program that served it is gone; clear it with: umount "+dir)
	assert.Equal(t, exitMountpoint, exitCode(err))
}

func TestShellQuote(t *testing.T) {
	for s, want := range map[string]string{
		"/mnt/a_b.c-d": "/mnt/a_b.c-d",
		"":             "''",
		"a b":          "'a b'",
		"it's":         `'it'\''s'`,
		"$(x)":         "'$(x)'",
	} {
		assert.Equal(t, want, shellQuote(s))
	}
}
