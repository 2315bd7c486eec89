package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sshdial"
)

// A server on this machine may show the mountpoint as well. Asked about what lies
// below that, it asks this mount, which asks the server, and both wait for ever: an
// SFTP server does one thing after the other. So nothing below it can be reached
// (ELOOP), neither by programs nor ahead of them.

// loop finds out whether the server shows the mountpoint.
type loop struct {
	mountpoint string
	before     unix.Stat_t // of the mountpoint, before anything is mounted there
	judged     bool        // by the first connection, or not to be
	closed     bool        // the server shows the mountpoint
}

// newLoop must be called before the mount. On a mountpoint of automount(8) the
// server is asked nothing: it would be made to wait for this very mount.
func newLoop(mountpoint string) (*loop, error) {
	l := &loop{mountpoint: mountpoint}
	var fs unix.Statfs_t
	if err := errors.Join(unix.Stat(mountpoint, &l.before), unix.Statfs(mountpoint, &fs)); err != nil {
		return nil, fmt.Errorf("mountpoint %s: %w", mountpoint, err)
	}
	l.judged = fs.Type == unix.AUTOFS_SUPER_MAGIC
	return l, nil
}

// guard returns a session that keeps out of the mountpoint, if the server shows it.
// Once something is mounted the server would show that, so that the first connection
// decides.
func (l *loop) guard(ctx context.Context, session sftpconn.Session, transport sftpconn.Transport) sftpconn.Session {
	if !l.judged {
		l.judged, l.closed = true, mayBeHere(transport) && l.isShown(ctx, session)
	}
	if l.closed {
		return &loopless{session, l.mountpoint}
	}
	return session
}

// isShown reports whether what the server has in the place of the mountpoint looks
// the same: a port of this machine can lead to another one.
func (l *loop) isShown(ctx context.Context, session sftpconn.Session) bool {
	attr, err := session.Stat(ctx, l.mountpoint)
	return err == nil && attr.IsDir() && attr.Size == uint64(l.before.Size) &&
		attr.Mode == l.before.Mode && int64(attr.Mtime) == l.before.Mtim.Sec
}

// mayBeHere reports whether the other end may be this machine. Where a program or a
// jump host makes the connection, that is not known.
func mayBeHere(transport sftpconn.Transport) bool {
	client, ok := sshdial.First(transport).(*sshdial.Client)
	if !ok {
		return true
	}
	peer, ok := client.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err != nil || peer.IP.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(peer.IP)
	})
}

// loopless is a session that asks nothing that the server would ask this mount.
type loopless struct {
	sftpconn.Session
	mountpoint string
}

// Lstat implements [sftpconn.FS].
func (s *loopless) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if path != s.mountpoint && isBelow(s.mountpoint, path) {
		return sftpconn.Attr{}, syscall.ELOOP
	}
	return s.Session.Lstat(ctx, path)
}

// Stat implements [sftpconn.FS].
func (s *loopless) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	if path != s.mountpoint && isBelow(s.mountpoint, path) {
		return sftpconn.Attr{}, syscall.ELOOP
	}
	return s.Session.Stat(ctx, path)
}

// SetAttr implements [sftpconn.FS].
func (s *loopless) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	if isBelow(s.mountpoint, path) {
		return sftpconn.Attr{}, syscall.ELOOP
	}
	return s.Session.SetAttr(ctx, path, set)
}

// ReadDir implements [sftpconn.FS].
func (s *loopless) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	if isBelow(s.mountpoint, path) {
		return nil, syscall.ELOOP
	}
	return s.Session.ReadDir(ctx, path)
}
