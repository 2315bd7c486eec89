package cache_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
)

// The round trips of everyday operations, over SSH to OpenSSH's sftp-server. A
// delay is long enough if all else takes less of it.
func TestRoundTrips(t *testing.T) {
	const delay = 200 * time.Millisecond
	fsys, root, link := newFar(t, cache.Options{})
	content := bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
	for _, name := range []string{"a", "b", "c", "d"} {
		require.NoError(t, os.WriteFile(root+"/"+name, content, 0o644))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := fsys.Lstat(ctx, root)
	require.NoError(t, err)
	link.SetDelay(delay)

	lstat := func(name string) func() { return func() { _, _ = fsys.Lstat(ctx, root+"/"+name) } }
	readSmall := func(name string) func() {
		return func() {
			f, attr, err := fsys.Open(ctx, root+"/"+name, sftpconn.Read, 0)
			require.NoError(t, err)
			p := make([]byte, attr.Size)
			_, err = f.ReadAt(ctx, p, 0)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, p))
			require.NoError(t, f.Flush(ctx))
			require.NoError(t, f.Close(ctx))
		}
	}
	for _, step := range []struct {
		name   string
		atMost int
		do     func()
	}{
		{"stat of a file", 1, lstat("a")},
		{"stat of a known file", 0, lstat("a")},
		{"list", 3, func() { _, _ = fsys.ReadDir(ctx, root) }},
		{"list again", 0, func() { _, _ = fsys.ReadDir(ctx, root) }},
		{"stat of a listed file", 0, lstat("b")},
		{"stat of an absent name", 0, lstat("absent")},
		{"open, read 256 KiB, close", 2, readSmall("a")},
		{"open, read 256 KiB, close another", 2, readSmall("b")},
		{"create, write 256 KiB, set times, close", 2, func() {
			f, _, err := fsys.Open(ctx, root+"/new", sftpconn.Write|sftpconn.Create|sftpconn.Excl, 0o644)
			require.NoError(t, err)
			require.NoError(t, f.Write(content, 0).Wait(ctx))
			f.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrTimes, Mtime: 1}})
			require.NoError(t, f.Flush(ctx))
			require.NoError(t, f.Close(ctx))
		}},
		{"stat of what was written", 0, lstat("new")},
		{"mkdir", 1, func() { _, _ = fsys.Mkdir(ctx, root+"/dir", 0o755) }},
		{"stat of an absent name in it", 0, lstat("dir/absent")},
		{"rename", 1, func() { _ = fsys.Rename(ctx, root+"/new", root+"/moved", true) }},
		{"stat of what was renamed", 0, lstat("moved")},
		{"unlink", 1, func() { _ = fsys.Remove(ctx, root+"/moved") }},
		{"rmdir", 1, func() { _ = fsys.Rmdir(ctx, root+"/dir") }},
	} {
		start := time.Now()
		step.do()
		assert.Less(t, time.Since(start), time.Duration(step.atMost+1)*delay, step.name)
	}
	attr, err := fsys.Lstat(ctx, root+"/a")
	require.NoError(t, err)
	assert.EqualValues(t, len(content), attr.Size)
}
