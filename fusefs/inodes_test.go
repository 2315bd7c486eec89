package fusefs

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	regular   = syscall.S_IFREG
	directory = syscall.S_IFDIR
)

func TestNumbers(t *testing.T) {
	tests := []struct {
		name   string
		change func(n *numbers)
		same   bool // that "a" of type regular then has the number it had
	}{
		{"a name keeps its number", func(*numbers) {}, true},
		{"another name has another", func(n *numbers) { n.of(1, "b", regular) }, true},
		{"an unknown type is any type", func(n *numbers) { n.of(1, "a", 0) }, true},
		{"another type is another file", func(n *numbers) { n.of(1, "a", directory) }, false},
		{"a forgotten name is another file", func(n *numbers) { n.forget(1, "a") }, false},
		{"a replaced file is another", func(n *numbers) {
			n.of(1, "b", regular)
			n.move(1, "b", 1, "a")
		}, false},
		{"what replaces may be unknown", func(n *numbers) { n.move(1, "b", 1, "a") }, false},
		{"there and back", func(n *numbers) {
			n.move(1, "a", 7, "b")
			n.move(7, "b", 1, "a")
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := newNumbers()
			before := n.of(1, "a", regular).ino
			test.change(n)
			after := n.of(1, "a", regular).ino
			assert.Equal(t, test.same, before == after)
		})
	}
}

func TestNumbersOfUnknownType(t *testing.T) {
	n := newNumbers()
	listed := n.of(1, "a", 0).ino
	assert.Equal(t, listed, n.of(1, "a", regular).ino, "the type was only unknown")
	assert.NotEqual(t, listed, n.of(1, "a", directory).ino)
}

func TestNumbersAreBounded(t *testing.T) {
	n := newNumbers()
	for i := range 2 * maxNumbers {
		n.of(1, fmt.Sprint(i), regular)
	}
	assert.Equal(t, maxNumbers, n.names.Len())
	assert.Equal(t, uint64(2*maxNumbers+1), n.last, "no number is given twice")
}

// inos returns the inode numbers in a listing.
func (f *fixture) inos(dir string) map[string]uint64 {
	f.Helper()
	entries, err := os.ReadDir(f.onMount(dir))
	require.NoError(f, err)
	inos := make(map[string]uint64)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(f, err)
		inos[e.Name()] = info.Sys().(*syscall.Stat_t).Ino
	}
	return inos
}

func TestInodeNumbers(t *testing.T) {
	f := mount(t, nil)
	require.NoError(t, os.MkdirAll(f.onServer("a/b"), 0o755))
	f.put("a/file", "x")
	f.put("a/b/deep", "x")
	deep, file := f.stat("a/b/deep").Ino, f.stat("a/file").Ino
	assert.Equal(t, file, f.inos("a")["file"], "as listed")
	assert.NotEqual(t, deep, file)

	require.NoError(t, os.Rename(f.onMount("a"), f.onMount("c")))
	assert.Equal(t, deep, f.stat("c/b/deep").Ino, "below a renamed folder")

	f.write("c/new", "y")
	fresh := f.stat("c/new").Ino
	require.NoError(t, os.Rename(f.onMount("c/new"), f.onMount("c/file")))
	assert.Equal(t, fresh, f.stat("c/file").Ino, "what replaces keeps its own")
	assert.Equal(t, fresh, f.inos("c")["file"])

	require.NoError(t, os.Remove(f.onMount("c/file")))
	f.write("c/file", "z")
	assert.NotEqual(t, fresh, f.stat("c/file").Ino, "a new file has a new one")
}

func TestHardLinks(t *testing.T) {
	f := mount(t, nil, func(o *Options) { o.EntryTimeout, o.AttrTimeout = 0, 0 })
	f.write("a", "one")
	require.NoError(t, os.Link(f.onMount("a"), f.onMount("b")))
	a, b := f.stat("a"), f.stat("b")
	assert.Equal(t, a.Ino, b.Ino)
	assert.EqualValues(t, 2, b.Nlink)
	assert.Equal(t, a.Ino, f.inos("")["b"])

	// One name comes to mean another file, on the server.
	f.put("other", "another file")
	require.NoError(t, os.Rename(f.onServer("other"), f.onServer("b")))
	assert.NotEqual(t, f.stat("a").Ino, f.stat("b").Ino)
	assert.Equal(t, "one", f.read("a"))
	assert.Equal(t, "another file", f.read("b"))
	require.NoError(t, os.Remove(f.onMount("b")))
	assert.Equal(t, "one", f.read("a"))
	assert.EqualValues(t, 1, f.stat("a").Nlink)
}

func TestFileOfAnotherType(t *testing.T) {
	f := mount(t, nil, func(o *Options) { o.EntryTimeout, o.AttrTimeout = 0, 0 })
	f.put("x", "file")
	before := f.stat("x")
	open, err := os.Open(f.onMount("x"))
	require.NoError(t, err)
	defer func() { _ = open.Close() }()

	require.NoError(t, os.Remove(f.onServer("x")))
	require.NoError(t, os.Mkdir(f.onServer("x"), 0o755))
	after := f.stat("x")
	assert.NotEqual(t, before.Ino, after.Ino)
	assert.EqualValues(t, unix.S_IFDIR, after.Mode&unix.S_IFMT)

	var st unix.Stat_t
	require.NoError(t, unix.Fstat(int(open.Fd()), &st))
	assert.Equal(t, before.Ino, st.Ino)
	assert.EqualValues(t, 4, st.Size)
	assert.EqualValues(t, 0, st.Nlink)
}
