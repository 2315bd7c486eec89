package fusefs

import (
	"context"
	"errors"
	"sync/atomic"
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

// soon is when a program that is killed must be gone.
const soon = 5 * time.Second

// stall is a place where an FS of a test waits for a server that says nothing.
type stall struct {
	begun chan struct{} // gets a value when a request comes
	ended chan error    // and why it has ended
}

func newStall() *stall {
	return &stall{make(chan struct{}, 100), make(chan error, 100)}
}

// wait waits for ctx, as a request does that was sent to a dead server.
func (s *stall) wait(ctx context.Context) error {
	s.begun <- struct{}{}
	<-ctx.Done()
	s.ended <- ctx.Err()
	return ctx.Err()
}

// waitForConnection waits as the reconnecting layer does.
func (s *stall) waitForConnection(ctx context.Context) error {
	s.begun <- struct{}{}
	select {
	case <-ctx.Done():
		s.ended <- ctx.Err()
		return ctx.Err()
	case <-sftpconn.Interrupt(ctx):
		s.ended <- syscall.EINTR
		return syscall.EINTR
	}
}

// stalled is a pending write that never ends.
type stalled struct{ *stall }

func (s stalled) Wait(ctx context.Context) error { return s.wait(ctx) }

// stallAll returns an FS on which every request on a file called "stall" is one
// that wait never lets end.
func (s *stall) stallAll(wait func(context.Context) error) func(sftpconn.FS) sftpconn.FS {
	return func(fsys sftpconn.FS) sftpconn.FS {
		stalls := func(path string) bool { return len(path) > 6 && path[len(path)-6:] == "/stall" }
		return &sftptest.Mock{
			FS: fsys,
			LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
				if stalls(path) {
					return sftpconn.Attr{}, wait(ctx)
				}
				return fsys.Lstat(ctx, path)
			},
			MkdirFn: func(ctx context.Context, _ string, _ uint32) (sftpconn.Attr, error) {
				return sftpconn.Attr{}, wait(ctx)
			},
			ReadDirFn: func(ctx context.Context, _ string) ([]sftpconn.DirEntry, error) {
				return nil, wait(ctx)
			},
			OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
				file, attr, err := fsys.Open(ctx, path, flags, mode)
				return &sftptest.MockFile{
					File: file,
					ReadAtFn: func(ctx context.Context, _ []byte, _ int64) (int, error) {
						return 0, wait(ctx)
					},
					WriteFn: func([]byte, int64) sftpconn.Pending { return stalled{s} },
				}, attr, err
			},
		}
	}
}

func TestKilledProgramEndsAtOnce(t *testing.T) {
	files := map[string]string{"stat": "stall", "mkdir": "new", "list": "", "read": "file", "write": "file"}
	for action, file := range files {
		for _, sig := range []syscall.Signal{unix.SIGKILL, unix.SIGTERM} {
			t.Run(action+" "+unix.SignalName(sig), func(t *testing.T) {
				s := newStall()
				f := mount(t, s.stallAll(s.wait))
				f.put("file", "x")
				p := f.startStalled(s, action, file)
				require.NoError(t, p.Process.Signal(sig))
				p.endsWithin(soon)
				// The kernel reads on its own behalf, and does not give
				// up with the program; unmounting ends that.
				if action != "read" {
					require.ErrorIs(t, <-s.ended, context.Canceled)
				}
			})
		}
	}
}

// startStalled starts a program that acts on a file, and returns when its
// request is under way.
func (f *fixture) startStalled(s *stall, action, file string) *program {
	f.Helper()
	p := start(f.T, self(action, f.onMount(file)), "do")
	select {
	case <-s.begun:
	case <-f.ctx.Done():
		f.Fatal("no request has come")
	}
	return p
}

// TestLaterKill kills a program whose request was interrupted before: the
// kernel tells of the first signal only.
func TestLaterKill(t *testing.T) {
	s := newStall()
	f := mount(t, s.stallAll(s.wait))
	p := f.startStalled(s, "stat", "stall")
	p.signal(unix.SIGUSR1)
	p.signal(unix.SIGURG)
	select {
	case err := <-s.ended:
		t.Fatalf("a signal that does not kill ended the request: %v", err)
	case <-time.After(5 * signalPoll):
	}
	require.NoError(t, p.Process.Kill())
	p.endsWithin(soon)
	require.ErrorIs(t, <-s.ended, context.Canceled)
}

// TestNoticedSignal sends signals to a program that waits for a connection.
func TestNoticedSignal(t *testing.T) {
	s := newStall()
	f := mount(t, s.stallAll(s.waitForConnection))
	p := f.startStalled(s, "stat", "stall")
	for _, sig := range []syscall.Signal{unix.SIGURG, unix.SIGWINCH, unix.SIGCHLD, unix.SIGALRM} {
		p.signal(sig)
	}
	select {
	case err := <-s.ended:
		t.Fatalf("a signal that nobody notices ended the wait: %v", err)
	case <-time.After(5 * signalPoll):
	}
	p.signal(unix.SIGUSR1)
	assert.Equal(t, "EINTR", p.line())
	require.ErrorIs(t, <-s.ended, syscall.EINTR)
}

// TestSignalsAreNotSeen runs a program under a rain of signals on a server that
// takes some milliseconds for each request.
func TestSignalsAreNotSeen(t *testing.T) {
	var requests atomic.Int64
	slow := func(ctx context.Context) error {
		requests.Add(1)
		select {
		case <-time.After(3 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{
			FS: fsys,
			LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
				return orError2(slow(ctx), func() (sftpconn.Attr, error) { return fsys.Lstat(ctx, path) })
			},
			RemoveFn: func(ctx context.Context, path string) error {
				return errors.Join(slow(ctx), fsys.Remove(ctx, path))
			},
			OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
				if err := slow(ctx); err != nil {
					return nil, sftpconn.Attr{}, err
				}
				file, attr, err := fsys.Open(ctx, path, flags, mode)
				return &sftptest.MockFile{
					File: file,
					ReadAtFn: func(ctx context.Context, p []byte, off int64) (int, error) {
						return orError2(slow(ctx), func() (int, error) { return file.ReadAt(ctx, p, off) })
					},
					FlushFn: func(ctx context.Context) error { return errors.Join(slow(ctx), file.Flush(ctx)) },
					SyncFn:  func(ctx context.Context) error { return errors.Join(slow(ctx), file.Sync(ctx)) },
				}, attr, err
			},
		}
	})
	p := start(t, self(f.mnt), "hammer")
	result := p.line()
	t.Log(result)
	assert.Contains(t, result, "true")
	assert.Greater(t, requests.Load(), int64(100))
}

// orError2 is f, unless err.
func orError2[T any](err error, f func() (T, error)) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return f()
}

// TestForcedUnmount takes down a mount (umount -f) on which a program waits.
func TestForcedUnmount(t *testing.T) {
	s := newStall()
	f := mount(t, s.stallAll(s.wait))
	p := f.startStalled(s, "stat", "stall")
	if err := unix.Unmount(f.mnt, unix.MNT_FORCE); err != nil { // else the program has left in time
		require.ErrorIs(t, err, unix.EBUSY)
	}
	assert.Equal(t, "ECONNABORTED", p.line())
	p.endsWithin(soon)
	require.ErrorIs(t, <-s.ended, context.Canceled)
	f.server.Wait()
	assert.Empty(t, entry(t, f.mnt), "nothing is left of it")
}

func TestOperation(t *testing.T) {
	tr := &tree{opts: Options{Observer: noObserver{}}}
	n := &node{tree: tr}
	t.Run("asked before the end", func(t *testing.T) {
		ctx, op := n.begin(&fuse.Context{Cancel: make(chan struct{})}, "read", "")
		done := ctx.Done()
		require.NoError(t, ctx.Err())
		op.end(new(syscall.Errno))
		<-done
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
	t.Run("asked after the end", func(t *testing.T) {
		ctx, op := n.begin(&fuse.Context{Cancel: make(chan struct{})}, "read", "")
		op.end(new(syscall.Errno))
		<-ctx.Done()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
	t.Run("parent of another context", func(*testing.T) {
		ctx, op := n.begin(&fuse.Context{Cancel: make(chan struct{})}, "read", "")
		child, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		op.end(new(syscall.Errno))
		<-child.Done()
	})
	tr.watchers.Wait()
}
