// Package longpath reaches files whose path is longer than what a server's
// system takes at once: 4,095 bytes on Linux (PATH_MAX). SFTP has no requests
// relative to a directory, as openat(2) is.
//
// A server on Linux names the directories that it has open: the path goes on
// from /proc/self/fd/N. So the first part of a long path is opened, its number is
// found, and the operation starts there. All that happens on a channel of its
// own, which is a process of its own, so that no other directory can have that
// number meanwhile. It takes some round trips more. Other servers answer
// ENAMETOOLONG, as they do anyway.
package longpath

import (
	"context"
	"errors"
	"sync"
	"syscall"

	"sftpmount/sftpconn"
)

// maxPath is the longest path that Linux takes, in bytes (PATH_MAX without the
// final NUL).
const maxPath = 4095

// maxName is how much longer the path of an entry can be than its directory's.
const maxName = len("/") + 255

// Session is a connection that takes longer paths than its server's system. The
// methods that it does not have take none.
type Session struct {
	*sftpconn.Conn
	transport sftpconn.Transport

	turn chan struct{}  // holds a token during each operation on a long path
	own  *sftpconn.Conn // on a channel of its own; nil until one is needed. Guarded by turn
	wg   sync.WaitGroup
}

var _ sftpconn.Session = (*Session)(nil)

// Wrap returns a Session over conn, which is on transport.
func Wrap(conn *sftpconn.Conn, transport sftpconn.Transport) *Session {
	return &Session{Conn: conn, transport: transport, turn: make(chan struct{}, 1)}
}

// Close implements [sftpconn.FS].
func (s *Session) Close() error {
	err := s.Conn.Close() // and with it, the transport
	s.turn <- struct{}{}
	own := s.own
	<-s.turn
	if own != nil {
		_ = own.Close()
	}
	s.wg.Wait()
	return err
}

// channel is a Transport for one channel of another, which it does not close.
type channel struct {
	sftpconn.Transport
}

func (channel) Close() error { return nil }

// start returns the connection for long paths, in the caller's turn.
func (s *Session) start(ctx context.Context) (*sftpconn.Conn, error) {
	if s.own != nil {
		return s.own, nil
	}
	own, err := sftpconn.New(ctx, channel{s.transport}, sftpconn.Options{KeepaliveInterval: -1, BulkChannels: -1})
	if err != nil {
		return nil, err
	}
	s.own = own
	s.wg.Go(func() { // as with any channel of a connection: it ends as a whole
		select {
		case <-own.Done():
			_ = s.Conn.Close()
		case <-s.Done():
			_ = own.Close()
		}
	})
	return own, nil
}

// with runs an operation on some paths: as they are or, if one of them is too
// long, on the connection for such, by a shorter way.
func with[T any](ctx context.Context, s *Session, do func(fs sftpconn.FS, paths []string) (T, error), paths ...string) (T, error) {
	short := true
	for _, path := range paths {
		short = short && len(path) <= maxPath
	}
	if short {
		return do(s.Conn, paths)
	}
	return within(ctx, s, maxPath, do, paths...)
}

// within runs an operation on the connection for long paths, by a shorter way to each
// path that is longer than longest.
func within[T any](ctx context.Context, s *Session, longest int, do func(fs sftpconn.FS, paths []string) (T, error), paths ...string) (T, error) {
	var none T
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return none, ctx.Err()
	case <-s.Done():
		return none, sftpconn.ErrNotSent
	}
	own, err := s.start(ctx)
	if err != nil {
		return none, err
	}
	w := ways{conn: own, open: make(map[string]string)}
	defer w.close()
	shorter := make([]string, len(paths))
	for i, path := range paths {
		if shorter[i], err = w.to(ctx, path, longest); err != nil {
			return none, err
		}
	}
	return do(own, shorter)
}

type nothing = struct{}

// Lstat implements [sftpconn.FS].
func (s *Session) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.Attr, error) { return fs.Lstat(ctx, p[0]) }, path)
}

// Stat implements [sftpconn.FS].
func (s *Session) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.Attr, error) { return fs.Stat(ctx, p[0]) }, path)
}

// SetAttr implements [sftpconn.FS].
func (s *Session) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.Attr, error) { return fs.SetAttr(ctx, p[0], set) }, path)
}

// ReadDir implements [sftpconn.FS]. A server looks at each entry by its path, and OpenSSH's
// leaves out those whose path is too long for its system.
func (s *Session) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	list := func(fs sftpconn.FS, p []string) ([]sftpconn.DirEntry, error) { return fs.ReadDir(ctx, p[0]) }
	if len(path) > maxPath-maxName && len(path) <= maxPath {
		entries, err := within(ctx, s, maxPath-maxName, list, path)
		if !errors.Is(err, syscall.ENAMETOOLONG) {
			return entries, err
		}
	}
	return with(ctx, s, list, path)
}

// Open implements [sftpconn.FS].
func (s *Session) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	var attr sftpconn.Attr
	f, err := with(ctx, s, func(fs sftpconn.FS, p []string) (f sftpconn.File, err error) {
		f, attr, err = fs.Open(ctx, p[0], flags, mode)
		if err == nil && fs != s.Conn {
			f = file{f.(sftpconn.Finder)}
		}
		return f, err
	}, path)
	return f, attr, err
}

// file is an open file on the connection for long paths.
type file struct {
	sftpconn.Finder
}

// CopyFrom implements [sftpconn.File]. No channel knows files of another one.
func (file) CopyFrom(context.Context, sftpconn.File, int64, int64, int64) (int64, error) {
	return 0, errors.ErrUnsupported
}

// Mkdir implements [sftpconn.FS].
func (s *Session) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.Attr, error) { return fs.Mkdir(ctx, p[0], mode) }, path)
}

// Remove implements [sftpconn.FS].
func (s *Session) Remove(ctx context.Context, path string) error {
	_, err := with(ctx, s, func(fs sftpconn.FS, p []string) (nothing, error) { return nothing{}, fs.Remove(ctx, p[0]) }, path)
	return err
}

// Rmdir implements [sftpconn.FS].
func (s *Session) Rmdir(ctx context.Context, path string) error {
	_, err := with(ctx, s, func(fs sftpconn.FS, p []string) (nothing, error) { return nothing{}, fs.Rmdir(ctx, p[0]) }, path)
	return err
}

// Rename implements [sftpconn.FS].
func (s *Session) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	_, err := with(ctx, s, func(fs sftpconn.FS, p []string) (nothing, error) {
		return nothing{}, fs.Rename(ctx, p[0], p[1], replace)
	}, oldPath, newPath)
	return err
}

// Symlink implements [sftpconn.FS].
func (s *Session) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.Attr, error) { return fs.Symlink(ctx, target, p[0]) }, path)
}

// Readlink implements [sftpconn.FS].
func (s *Session) Readlink(ctx context.Context, path string) (string, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (string, error) { return fs.Readlink(ctx, p[0]) }, path)
}

// Link implements [sftpconn.FS].
func (s *Session) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.Attr, error) { return fs.Link(ctx, p[0], p[1]) }, oldPath, newPath)
}

// StatVFS implements [sftpconn.FS].
func (s *Session) StatVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	return with(ctx, s, func(fs sftpconn.FS, p []string) (sftpconn.StatVFS, error) { return fs.StatVFS(ctx, p[0]) }, path)
}
