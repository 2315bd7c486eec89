package fusefs

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestListing(t *testing.T) {
	f := mount(t, nil)
	names := make(map[string]bool)
	for i := range 3000 {
		name := fmt.Sprintf("a file with a name of some length %d", i)
		names[name] = true
		f.put(name, "")
	}
	list := func(dir *os.File) map[string]bool {
		entries, err := dir.ReadDir(-1)
		require.NoError(t, err)
		seen := make(map[string]bool)
		for _, e := range entries {
			assert.False(t, seen[e.Name()], "twice: %s", e.Name())
			assert.True(t, e.Type().IsRegular())
			seen[e.Name()] = true
		}
		return seen
	}
	dir, err := os.Open(f.mnt)
	require.NoError(t, err)
	defer func() { _ = dir.Close() }()
	assert.Equal(t, names, list(dir))

	// Changes are seen after rewinddir(3), and not halfway.
	_, err = dir.Seek(0, 0)
	require.NoError(t, err)
	first, err := dir.ReadDir(10)
	require.NoError(t, err)
	f.put("0 comes first", "")
	require.NoError(t, os.Remove(f.onMount(first[0].Name())))
	rest, err := dir.ReadDir(-1)
	require.NoError(t, err)
	assert.Len(t, append(first, rest...), 3000)
	_, err = dir.Seek(0, 0)
	require.NoError(t, err)
	delete(names, first[0].Name())
	names["0 comes first"] = true
	assert.Equal(t, names, list(dir))
}

func TestDots(t *testing.T) {
	f := mount(t, nil)
	require.NoError(t, os.MkdirAll(f.onServer("a/b"), 0o755))
	fd, err := unix.Open(f.onMount("a/b"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(fd) }()
	buf := make([]byte, 4096)
	n, err := unix.ReadDirent(fd, buf)
	require.NoError(t, err)
	var names []string
	_, _, names = unix.ParseDirent(buf[:n], -1, names)
	assert.Empty(t, names, "Go leaves out . and ..")
	assert.Equal(t, 48, n, "but there they are")
	require.NoError(t, unix.Fsync(fd))
}

func TestRemovedFolder(t *testing.T) {
	f := mount(t, nil)
	require.NoError(t, os.Mkdir(f.onMount("dir"), 0o755))
	f.write("dir/file", "x")
	dir, err := os.Open(f.onMount("dir"))
	require.NoError(t, err)
	defer func() { _ = dir.Close() }()
	require.ErrorIs(t, unix.Rmdir(f.onMount("dir")), unix.ENOTEMPTY)
	require.NoError(t, os.RemoveAll(f.onMount("dir")))

	_, err = unix.Openat(int(dir.Fd()), "new", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o644)
	require.ErrorIs(t, err, unix.ENOENT)
	info, err := dir.Stat()
	require.NoError(t, err)
	assert.True(t, info.IsDir())
	_, err = dir.Readdirnames(-1)
	require.ErrorIs(t, err, unix.ENOENT, "as on every file system")
}

func TestVanishedFolder(t *testing.T) {
	f := mount(t, nil)
	_, err := os.Open(f.onMount("none"))
	require.ErrorIs(t, err, unix.ENOENT)
	require.NoError(t, os.Mkdir(f.onMount("dir"), 0o755))
	f.stat("dir")
	require.NoError(t, os.Remove(f.onServer("dir")))
	_, err = os.Open(f.onMount("dir"))
	require.ErrorIs(t, err, unix.ENOENT, "opening it asks the server")
}

// TestOldListing reads a directory so slowly that its attributes are not worth
// passing on.
func TestOldListing(t *testing.T) {
	f := mount(t, nil)
	f.put("file", "x")
	root := f.server.tree.root
	d := &dirHandle{node: root}
	require.Zero(t, d.list(t.Context()))
	d.next = dots + 1
	var out fuse.EntryOut
	_, errno := d.Lookup(t.Context(), "file", &out)
	require.Zero(t, errno)
	d.taken = d.taken.Add(-2 * maxListingAge)
	_, errno = d.Lookup(t.Context(), "file", &out)
	require.Equal(t, unix.ENOENT, errno)
	d.taken = time.Now()
	_, errno = d.Lookup(t.Context(), "another", &out)
	require.Equal(t, unix.ENOENT, errno)
}
