package cache_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// everydaySteps are operations, and how many round trips each takes at most. They
// build on each other.
func everydaySteps(ctx context.Context, t *testing.T, fsys *cache.FS, root string) []roundTripStep {
	content := bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
	for _, name := range []string{"a", "b", "c", "d"} {
		require.NoError(t, os.WriteFile(root+"/"+name, content, 0o644))
	}
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
	return []roundTripStep{
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
		{"stat of a file that was read", 0, lstat("a")},
	}
}

type roundTripStep struct {
	name   string
	atMost int
	do     func()
}

// The round trips of everyday operations, over SSH to OpenSSH's sftp-server. A
// delay is long enough if all else takes less of it.
func TestRoundTrips(t *testing.T) {
	const delay = 200 * time.Millisecond
	sftptest.FewerTrips(t, 1, func() (excess float64) {
		fsys, root, link := newFar(t, cache.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		steps := everydaySteps(ctx, t, fsys, root)
		_, err := fsys.Lstat(ctx, root)
		require.NoError(t, err)
		link.SetDelay(delay)
		defer link.SetDelay(0)
		for _, step := range steps {
			start := time.Now()
			step.do()
			trips := float64(time.Since(start)) / float64(delay)
			t.Logf("%s: %.1f of %d round trips", step.name, trips, step.atMost)
			excess = max(excess, trips-float64(step.atMost))
		}
		return excess
	})
}
