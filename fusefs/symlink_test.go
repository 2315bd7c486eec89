package fusefs

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestContained(t *testing.T) {
	tests := []struct {
		target string
		depth  int
		want   bool
	}{
		{"a", 0, true},
		{"a/b/c", 0, true},
		{"./a", 0, true},
		{".", 0, true},
		{"", 0, true},
		{"...", 0, true},
		{"..a/b..", 0, true},
		{"a//b/", 0, true},
		{"/", 5, false},
		{"/a", 5, false},
		{"//a", 5, false},
		{"..", 0, false},
		{"..", 1, true},
		{"../a", 0, false},
		{"../a", 1, true},
		{"../../a", 1, false},
		{"../../a", 2, true},
		{"../..", 2, true},
		{"./../a", 1, true},
		{"./../a", 0, false},
		{"..//..//a", 1, false},
		{".././..", 2, true},
		{"a/..", 5, false},
		{"a/../b", 5, false},
		{"../a/../b", 5, false},
		{"a/./../../..", 5, false},
		{"../a/..", 5, false},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, contained(test.target, test.depth), "%q at depth %d", test.target, test.depth)
	}
}

func TestTransformed(t *testing.T) {
	tests := []struct {
		target, root string
		depth        int
		want         string
	}{
		{"/srv/a", "/srv", 0, "a"},
		{"/srv/a/b", "/srv", 2, "../../a/b"},
		{"/srv", "/srv", 0, "."},
		{"/srv/", "/srv", 0, "."},
		{"/srv", "/srv", 1, "../"},
		{"/srv//a", "/srv", 0, "a"},
		{"/srvother", "/srv", 0, "/srvother"},
		{"/etc/passwd", "/srv", 0, "/etc/passwd"},
		{"/a", "/", 1, "../a"},
		{"/", "/", 0, "."},
		{"srv/a", "/srv", 0, "srv/a"},
		{"a", "/", 0, "a"},
		{"../a", "/srv", 1, "../a"},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, transformed(test.target, test.root, test.depth),
			"%q below %q at depth %d", test.target, test.root, test.depth)
	}
}

func TestSymlinksAreContained(t *testing.T) {
	f := mount(t, nil)
	require.NoError(t, os.MkdirAll(f.onServer("d/e"), 0o755))
	f.put("file", "inside")
	for target, name := range map[string]string{
		"/etc/passwd": "absolute", "../x": "up", "d/../file": "inner", "file": "good",
		"d/e": "dir",
	} {
		require.NoError(t, os.Symlink(target, f.onServer(name)))
	}
	require.NoError(t, os.Symlink("../../file", f.onServer("d/e/ok")))
	require.NoError(t, os.Symlink("../../../etc/passwd", f.onServer("d/e/out")))

	for _, name := range []string{"absolute", "up", "inner", "d/e/out", "dir/out"} {
		_, err := os.Readlink(f.onMount(name))
		require.ErrorIs(t, err, unix.EPERM, name)
		_, err = os.ReadFile(f.onMount(name))
		require.ErrorIs(t, err, unix.EPERM, name)
	}
	for _, name := range []string{"good", "d/e/ok", "dir/ok"} {
		assert.Equal(t, "inside", f.read(name))
	}

	// A link does not become worse by moving up with its folder.
	require.NoError(t, os.Rename(f.onMount("d/e"), f.onMount("e")))
	_, err := os.Readlink(f.onMount("e/ok"))
	require.ErrorIs(t, err, unix.EPERM)
}

// A link is made as it is told to, and its maker may go where it leads: that is
// no idea of the server's. Whatever else it reads as one day is.
func TestSymlinksMadeHere(t *testing.T) {
	f := mount(t, nil)
	require.NoError(t, os.Mkdir(f.onMount("dir"), 0o755))
	outside := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(outside, []byte("outside"), 0o644))
	require.NoError(t, os.Symlink(outside, f.onMount("made")))
	target, err := os.Readlink(f.onServer("made"))
	require.NoError(t, err)
	assert.Equal(t, outside, target)
	assert.Equal(t, "outside", f.read("made"))
	require.NoError(t, os.Rename(f.onMount("made"), f.onMount("dir/moved")))
	root := f.server.tree.root.EmbeddedInode()
	require.Zero(t, root.NotifyEntry("dir"))
	require.Eventually(t, func() bool { return root.GetChild("dir") == nil }, testTime, time.Millisecond)
	assert.Equal(t, "outside", f.read("dir/moved"), "the kernel had forgotten it")

	require.NoError(t, os.Remove(f.onServer("dir/moved")))
	require.NoError(t, os.Symlink("/etc/passwd", f.onServer("dir/moved")))
	_, err = os.Readlink(f.onMount("dir/moved"))
	require.ErrorIs(t, err, unix.EPERM, "the server turned it elsewhere")

	for _, target := range []string{"..", "../out", "../../etc/passwd"} {
		require.NoError(t, os.Symlink(target, f.onMount("up")))
		reads, err := os.Readlink(f.onMount("up"))
		require.NoError(t, err, target)
		assert.Equal(t, target, reads)
		require.NoError(t, os.Remove(f.onMount("up")))
	}
	require.NoError(t, os.Symlink("dir/../../out", f.onMount("inner")))
	_, err = os.Readlink(f.onMount("inner"))
	require.ErrorIs(t, err, unix.EPERM, "the server can turn dir elsewhere")
}

// TestHardLinkedSymlinksAreContained has two names of one symbolic link, in
// folders of different depth: what is contained in one leads out of the other.
func TestHardLinkedSymlinksAreContained(t *testing.T) {
	f := mount(t, nil, func(o *Options) { o.EntryTimeout = time.Minute })
	require.NoError(t, os.MkdirAll(f.onServer("d/e"), 0o755))
	require.NoError(t, os.Symlink("../../file", f.onServer("d/e/deep")))
	f.put("file", "inside")

	require.NoError(t, os.Link(f.onMount("d/e/deep"), f.onMount("high")))
	for range 2 { // whichever name the kernel has looked up last
		assert.Equal(t, "inside", f.read("d/e/deep"))
		_, err := os.Readlink(f.onMount("high"))
		require.ErrorIs(t, err, unix.EPERM)
	}
}

func TestSymlinkOptions(t *testing.T) {
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(outside+"/file", []byte("outside"), 0o644))

	t.Run("no_contain_symlinks", func(t *testing.T) {
		f := mount(t, nil, func(o *Options) { o.NoContainSymlinks = true })
		require.NoError(t, os.Symlink(outside+"/file", f.onServer("link")))
		assert.Equal(t, "outside", f.read("link"))
	})
	t.Run("transform_symlinks", func(t *testing.T) {
		f := mount(t, nil, func(o *Options) { o.TransformSymlinks = true })
		require.NoError(t, os.Mkdir(f.onServer("d"), 0o755))
		f.put("file", "inside")
		require.NoError(t, os.Symlink(f.onServer("file"), f.onServer("d/link")))
		require.NoError(t, os.Symlink(outside+"/file", f.onServer("d/out")))
		target, err := os.Readlink(f.onMount("d/link"))
		require.NoError(t, err)
		assert.Equal(t, "../file", target)
		assert.Equal(t, "inside", f.read("d/link"))
		_, err = os.Readlink(f.onMount("d/out"))
		require.ErrorIs(t, err, unix.EPERM)
	})
	t.Run("follow_symlinks", func(t *testing.T) {
		f := mount(t, nil, func(o *Options) { o.FollowSymlinks = true })
		require.NoError(t, os.Symlink(outside, f.onServer("dir")))
		entries, err := os.ReadDir(f.mnt)
		require.NoError(t, err)
		require.Len(t, entries, 1)
		assert.True(t, entries[0].IsDir())
		assert.Equal(t, "outside", f.read("dir/file"))
	})
}

// FuzzContained checks that a contained target leads into the mount, as far as
// its own words go.
func FuzzContained(f *testing.F) {
	for _, target := range []string{"a", "../a", "..", "./..//../a", "a/../b", "/a", ""} {
		f.Add(target, uint8(1))
	}
	f.Fuzz(func(t *testing.T, target string, depth uint8) {
		if !contained(target, int(depth)) {
			return
		}
		where := path.Join("/mount", strings.Repeat("d/", int(depth))) + "/" + target
		where = path.Clean(where)
		assert.True(t, where == "/mount" || strings.HasPrefix(where, "/mount/"), where)
	})
}
