package fusefs

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
)

// Server serves a mounted file system to the kernel.
type Server struct {
	dir    string
	tree   *tree
	server *fuse.Server
	guard  *guard
	served chan struct{} // closed when the last request was answered
}

// tree is what all nodes of a mount share.
type tree struct {
	fsys       sftpconn.FS
	opts       Options
	root       *node
	numbers    *numbers
	notifier   *notifier
	pruner     *pruner
	moves      moves
	connection connection
	watchers   sync.WaitGroup                   // operations' watch goroutines
	opened     atomic.Uint64                    // handles that there were
	space      atomic.Pointer[sftpconn.StatVFS] // as last told, see statVFS
	panics     atomic.Uint64                    // see panicked
}

// Mount mounts fsys on the directory mountpoint and serves it until it is
// unmounted, by Unmount or Detach or from outside. It does not close fsys. The Files
// of fsys must have copied what is written to them when their Write returns, as those
// of package cache have: go-fuse then takes its buffer back.
func Mount(mountpoint string, fsys sftpconn.FS, opts Options) (*Server, error) {
	opts.setDefaults()
	dir, err := filepath.Abs(mountpoint)
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", mountpoint, err)
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", mountpoint, err)
	}
	fd, guard, err := attach(dir, &opts)
	if err != nil {
		return nil, err
	}
	s, err := serve(dir, fd, guard, fsys, opts)
	if err != nil {
		_ = detach(dir, true)
		guard.close()
		return nil, fmt.Errorf("mount %s: %w", mountpoint, err)
	}
	return s, nil
}

// serve answers the kernel on fd, an open /dev/fuse, which it takes over.
func serve(dir string, fd int, guard *guard, fsys sftpconn.FS, opts Options) (*Server, error) {
	connection, err := watchConnection(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	t := &tree{
		fsys:       fsys,
		opts:       opts,
		numbers:    newNumbers(),
		notifier:   newNotifier(),
		pruner:     newPruner(mostKnown),
		connection: connection,
	}
	t.root = &node{tree: t, links: 1}
	config := t.config()
	var raw fuse.RawFileSystem = &pageWrites{fs.NewNodeFS(t.root, config)}
	if opts.AllowRoot {
		raw = &gate{RawFileSystem: raw, owner: uint32(unix.Geteuid())}
	}
	// go-fuse takes a /dev/fuse that is mounted already by this name.
	server, err := fuse.NewServer(raw, fmt.Sprintf("/dev/fd/%d", fd), &config.MountOptions)
	if err != nil {
		t.close()
		return nil, err
	}
	s := &Server{dir: dir, tree: t, server: server, guard: guard, served: make(chan struct{})}
	go func() {
		server.Serve()
		s.clear()
		s.guard.close()
		t.close()
		close(s.served)
	}()
	return s, nil
}

// clear takes away what is left of a mount whose connection was ended by force
// while it was in use (umount -f). All that it answers is ENOTCONN.
func (s *Server) clear() {
	if err := unix.Stat(s.dir, new(unix.Stat_t)); err == unix.ENOTCONN {
		_ = detach(s.dir, true)
	}
}

// config returns the options for go-fuse.
func (t *tree) config() *fs.Options {
	o := &t.opts
	config := &fs.Options{
		EntryTimeout:    &o.EntryTimeout,
		AttrTimeout:     &o.AttrTimeout,
		NullPermissions: true,
		RootStableAttr:  &fs.StableAttr{Ino: rootIno},
		Logger:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	if o.NegativeTimeout > 0 {
		config.NegativeTimeout = &o.NegativeTimeout
	}
	config.MountOptions = fuse.MountOptions{
		MaxWrite:      maxRequest,
		MaxBackground: maxBackground,
		// go-fuse would write each reply to a READ to a pipe first, to
		// find that what is in memory cannot be spliced.
		DisableSplice: true,
		// The kernel remembers the ENOSYS that this answers with, and
		// tells programs EOPNOTSUPP without asking again.
		DisableXAttrs: true,
		// O_TRUNC goes along with the open, as in SFTP.
		ExtraCapabilities: fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_ASYNC_DIO |
			fuse.CAP_DIRECT_IO_ALLOW_MMAP,
		Debug:        o.Debug,
		Logger:       config.Logger,
		PanicHandler: t.panicked,
	}
	return config
}

// panicked is called by go-fuse when a handler panics, while the stack is still
// there. That request fails, and the mount lives on: a mistake in one operation
// must not take from all programs what they have open.
func (t *tree) panicked(reason any) fuse.Status {
	t.opts.Logger.Error("panic in a request of the kernel: this is a bug, please report it",
		"reason", reason, "count", t.panics.Add(1), "stack", string(debug.Stack()))
	return fuse.EIO
}

// close releases what the tree holds. No request is under way any more.
func (t *tree) close() {
	t.watchers.Wait()
	t.notifier.close()
	t.pruner.close()
	t.connection.close()
}

// stat returns the attributes of what path shows: a link itself, or with
// FollowSymlinks what it leads to.
func (t *tree) stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if t.opts.FollowSymlinks {
		return t.fsys.Stat(ctx, path)
	}
	return t.fsys.Lstat(ctx, path)
}

// Wait returns when the file system is not mounted any more, for whatever
// reason, and all requests have been answered.
func (s *Server) Wait() {
	<-s.served
}

// Unmount unmounts the file system, and returns when all is done. While files
// on it are open, it does nothing and returns an error that matches
// syscall.EBUSY. If it is not mounted any more, it returns nil.
func (s *Server) Unmount() error {
	if !s.ended() {
		if err := detach(s.dir, false); err != nil {
			return err
		}
	}
	s.Wait()
	return nil
}

// Detach takes the file system out of the directory tree at once, even if files
// on it are open. They go on working, and Wait returns when the last of them
// is closed (umount2(2), MNT_DETACH).
func (s *Server) Detach() error {
	if s.ended() {
		return nil
	}
	return detach(s.dir, true)
}

// Panics returns how many requests ended in a panic, each of which was logged
// and answered with EIO.
func (s *Server) Panics() uint64 { return s.tree.panics.Load() }

// ended reports whether the kernel has ended the connection: what is mounted
// on the directory then, if anything, is not ours.
func (s *Server) ended() bool {
	select {
	case <-s.served:
		return true
	default:
		return s.tree.connection.ended()
	}
}
