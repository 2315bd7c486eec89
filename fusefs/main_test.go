package fusefs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// testTime is how long a test on a mount may take. What it waits for fails
// then.
const testTime = 30 * time.Second

// TestMain runs one of the programs that tests start, or the tests.
func TestMain(m *testing.M) {
	if program, ok := programs[os.Getenv(programVariable)]; ok {
		os.Exit(program(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fixture is a directory on this machine, mounted as a remote one.
type fixture struct {
	*testing.T
	ctx    context.Context
	dir    string // on the server
	mnt    string // where it is mounted
	server *Server
	fsys   sftpconn.FS // that is mounted
}

// mount mounts a new directory over a connection to OpenSSH's sftp-server.
// wrap, if not nil, may put another FS in front of that.
func mount(t *testing.T, wrap func(sftpconn.FS) sftpconn.FS, change ...func(*Options)) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	transport := &oneChannel{Transport: sftptest.SFTPServerTransport(t)}
	conn, err := sftpconn.New(ctx, transport, sftpconn.Options{KeepaliveInterval: -1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	var fsys sftpconn.FS = conn
	if wrap != nil {
		fsys = wrap(conn)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	f := &fixture{T: t, ctx: ctx, dir: dir, fsys: fsys}
	f.mount(change...)
	return f
}

// oneChannel refuses further channels. They would be processes that start while
// a test has files open, not all of them with O_CLOEXEC.
type oneChannel struct {
	sftpconn.Transport
	opened atomic.Bool
}

func (o *oneChannel) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	if o.opened.Swap(true) {
		return nil, errors.New("one channel is enough")
	}
	return o.Transport.OpenChannel(ctx)
}

// mount mounts the fixture's directory, and unmounts it when the test ends.
func (f *fixture) mount(change ...func(*Options)) {
	f.Helper()
	mnt, err := os.MkdirTemp("", "fusefs")
	require.NoError(f, err)
	f.mnt = mnt
	opts := Options{
		Root:         f.dir,
		EntryTimeout: time.Second,
		AttrTimeout:  time.Second,
		Logger:       slog.New(slog.NewTextHandler(f.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, c := range change {
		c(&opts)
	}
	f.server, err = Mount(mnt, f.fsys, opts)
	require.NoError(f, err)
	overdue := time.AfterFunc(testTime, func() {
		f.Errorf("the test took longer than %v", testTime)
		_ = unix.Unmount(mnt, unix.MNT_FORCE)
	})
	f.Cleanup(func() {
		overdue.Stop()
		f.unmount()
		_ = os.Remove(mnt)
	})
	f.answerPoll()
}

// unmount unmounts at the end of a test, by force if it must.
func (f *fixture) unmount() {
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := f.server.Unmount(); err != nil {
			f.Errorf("the test left something open: %v", err)
			_ = unix.Unmount(f.mnt, unix.MNT_FORCE)
			f.server.Wait()
		}
	}()
	select {
	case <-served:
	case <-time.After(testTime):
		panic(f.Name() + ": requests are still being served after the end")
	}
}

// answerPoll makes the kernel ask once whether files can be polled, and
// remember that they cannot. Otherwise Go's runtime would ask at the first open
// in this process, and wait for the answer while it keeps others from running.
func (f *fixture) answerPoll() {
	fd, err := unix.Open(filepath.Join(f.mnt, ".go-fuse-epoll-hack"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(f, err)
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	require.NoError(f, unix.Close(fd))
}

// onServer and onMount return the two paths of a file.
func (f *fixture) onServer(name string) string { return filepath.Join(f.dir, name) }
func (f *fixture) onMount(name string) string  { return filepath.Join(f.mnt, name) }

// put writes a file on the server's side.
func (f *fixture) put(name, content string) {
	f.Helper()
	require.NoError(f, os.WriteFile(f.onServer(name), []byte(content), 0o644))
}

// get reads a file on the server's side.
func (f *fixture) get(name string) string {
	f.Helper()
	content, err := os.ReadFile(f.onServer(name))
	require.NoError(f, err)
	return string(content)
}

// read reads a file through the mount.
func (f *fixture) read(name string) string {
	f.Helper()
	content, err := os.ReadFile(f.onMount(name))
	require.NoError(f, err)
	return string(content)
}

// write writes a file through the mount.
func (f *fixture) write(name, content string) {
	f.Helper()
	require.NoError(f, os.WriteFile(f.onMount(name), []byte(content), 0o644))
}

// stat returns the attributes of a file through the mount.
func (f *fixture) stat(name string) unix.Stat_t {
	f.Helper()
	var st unix.Stat_t
	require.NoError(f, unix.Lstat(f.onMount(name), &st))
	return st
}

// shared is a value that a test sets for the FS below the mount.
type shared[T any] struct {
	mu    sync.Mutex
	value T
}

func (s *shared[T]) set(value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = value
}

func (s *shared[T]) get() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}
