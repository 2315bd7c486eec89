package fusefs

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
)

// slowFS has its answers to READLINK and RENAME held back.
type slowFS struct {
	sftpconn.FS
	readlink, rename hold
}

// hold is where a request waits.
type hold struct {
	reached chan struct{} // gets a value for each request that waits
	release chan struct{}
}

func newHold() hold { return hold{make(chan struct{}, 10), make(chan struct{})} }

func (h *hold) wait() {
	h.reached <- struct{}{}
	<-h.release
}

func (s *slowFS) Readlink(ctx context.Context, path string) (string, error) {
	target, err := s.FS.Readlink(ctx, path)
	s.readlink.wait()
	return target, err
}

func (s *slowFS) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	s.rename.wait()
	return s.FS.Rename(ctx, oldPath, newPath, replace)
}

// A server cannot use the time in which a folder moves up to have a link in it
// resolved from higher up than it was judged for.
func TestSymlinksAreContainedWhileFoldersMove(t *testing.T) {
	slow := &slowFS{readlink: newHold(), rename: newHold()}
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		slow.FS = fsys
		return slow
	})
	require.NoError(t, os.MkdirAll(f.onServer("d/e"), 0o755))
	require.NoError(t, os.Symlink("../../x", f.onServer("d/e/link")))
	read := func(name string) <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := os.Readlink(f.onMount(name))
			done <- err
		}()
		<-slow.readlink.reached
		return done
	}
	move := func(from, to string) <-chan error {
		done := make(chan error, 1)
		go func() { done <- os.Rename(f.onMount(from), f.onMount(to)) }()
		<-slow.rename.reached
		return done
	}

	during := read("d/e/link")
	moved := move("d/e", "e")
	slow.readlink.release <- struct{}{}
	require.ErrorIs(t, <-during, unix.EPERM, "while the folder moves")

	overtaken := read("d/e/link")
	slow.rename.release <- struct{}{}
	require.NoError(t, <-moved)
	slow.readlink.release <- struct{}{}
	require.ErrorIs(t, <-overtaken, unix.EPERM, "overtaken by the move")

	close(slow.readlink.release)
	close(slow.rename.release)
	require.NoError(t, os.Rename(f.onMount("e"), f.onMount("d/e")))
	_, err := os.Readlink(f.onMount("d/e/link"))
	require.NoError(t, err, "a folder that moved down")
}

func TestRise(t *testing.T) {
	var m moves
	first, second := m.begin("/a/b/c", "/c"), m.begin("/a", "/z/z/a")
	for path, want := range map[string]int{"/a/b/c": 2, "/a/b/c/link": 2, "/a/b/cc": 0, "/a/b": 0, "/": 0} {
		assert.Equal(t, want, m.rise(path), path)
	}
	third := m.begin("/a/b", "/b")
	assert.Equal(t, 3, m.rise("/a/b/c/link"), "both may come first")
	for _, one := range []*move{first, second, third} {
		m.end(one)
		one.ended = one.ended.Add(-2 * moveGrace)
	}
	assert.Zero(t, m.rise("/a/b/c/link"))
	assert.Empty(t, m.all)
}
