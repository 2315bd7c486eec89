package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// awaitAttr waits for a call whose answer is attributes.
func awaitAttr(ctx context.Context, c *call) (Attr, error) {
	if err := c.wait(ctx); err != nil {
		return Attr{}, err
	}
	return c.attrs()
}

// Lstat implements [FS].
func (c *Conn) Lstat(ctx context.Context, path string) (Attr, error) {
	return awaitAttr(ctx, c.startLstat(path))
}

func (c *Conn) startLstat(path string) *call {
	return c.meta.start("LSTAT", path, &sshfx.LStatPacket{Path: path})
}

// Stat implements [FS].
func (c *Conn) Stat(ctx context.Context, path string) (Attr, error) {
	return awaitAttr(ctx, c.startStat(path))
}

func (c *Conn) startStat(path string) *call {
	return c.meta.start("STAT", path, &sshfx.StatPacket{Path: path})
}

// SetAttr implements [FS].
func (c *Conn) SetAttr(ctx context.Context, path string, set SetAttr) (Attr, error) {
	if c.opts.Quirks.NoTruncate && set.Valid&AttrSize != 0 {
		if err := c.resize(ctx, path, set.Size); err != nil {
			return Attr{}, err
		}
		if set.Valid &^= AttrSize; set.Valid == 0 {
			return c.Stat(ctx, path)
		}
	}
	if !set.NoFollow {
		change := c.meta.start("SETSTAT", path, &sshfx.SetStatPacket{Path: path, Attrs: set.encode()})
		return awaitChange(ctx, change, c.startStat(path))
	}
	if !c.has(extLsetstat) {
		return Attr{}, missing(extLsetstat)
	}
	return c.changed(ctx, c.meta.start("lsetstat", path, lsetstatPacket(path, set)), path)
}

// changed waits for a change to path and for the attributes after it, which are
// asked for in the same round trip.
func (c *Conn) changed(ctx context.Context, change *call, path string) (Attr, error) {
	return awaitChange(ctx, change, c.startLstat(path))
}

func awaitChange(ctx context.Context, change, after *call) (Attr, error) {
	if err := change.Wait(ctx); err != nil {
		return Attr{}, err
	}
	attr, err := awaitAttr(ctx, after)
	return attr, afterActing(err)
}

// Mkdir implements [FS].
func (c *Conn) Mkdir(ctx context.Context, path string, mode uint32) (Attr, error) {
	giving := c.startGiving(ctx, path)
	attrs := SetAttr{Attr: Attr{Valid: AttrMode, Mode: mode}}.encode()
	attr, err := c.changed(ctx, c.meta.start("MKDIR", path, &sshfx.MkdirPacket{Path: path, Attrs: attrs}), path)
	if err != nil {
		return Attr{}, err
	}
	if give, ok := giving.change(ctx, attr); ok {
		if attr, err = c.correct(ctx, path, attr, give); err != nil {
			return attr, err
		}
	}
	if fix, ok := unmasked(attr, mode, 0o777|syscall.S_ISVTX); ok {
		return c.correct(ctx, path, attr, fix)
	}
	return attr, nil
}

// correct changes what was just made at path and has the attributes made.
func (c *Conn) correct(ctx context.Context, path string, made Attr, fix SetAttr) (Attr, error) {
	fixed, err := c.SetAttr(ctx, path, fix)
	if err != nil {
		return made, unlessRefused(afterActing(err))
	}
	return fixed, nil
}

// unlessRefused forgives a server that refuses to set permissions: on a file
// system that has none, the new file is there all the same.
func unlessRefused(err error) error {
	if _, refused := errors.AsType[*StatusError](err); refused {
		return nil
	}
	return err
}

// unmasked returns the change that gives a new file the permissions that were
// asked for, if the server's umask took some of those in mask away. A
// set-group-ID bit that a directory inherited stays.
func unmasked(got Attr, mode, mask uint32) (SetAttr, bool) {
	if got.Valid&AttrMode == 0 || got.Mode&mask == mode&mask {
		return SetAttr{}, false
	}
	want := mode&0o7777 | got.Mode&syscall.S_ISGID
	return SetAttr{Attr: Attr{Valid: AttrMode, Mode: want}}, true
}

// Remove implements [FS].
func (c *Conn) Remove(ctx context.Context, path string) error {
	return c.onceClosed(ctx, func() error {
		return c.meta.start("REMOVE", path, &sshfx.RemovePacket{Path: path}).Wait(ctx)
	}, path)
}

// Rmdir implements [FS].
func (c *Conn) Rmdir(ctx context.Context, path string) error {
	return c.meta.start("RMDIR", path, &sshfx.RmdirPacket{Path: path}).Wait(ctx)
}

// Symlink implements [FS].
func (c *Conn) Symlink(ctx context.Context, target, path string) (Attr, error) {
	giving := c.startGiving(ctx, path)
	attr, err := c.changed(ctx, c.meta.start("SYMLINK", path, c.symlinkPacket(target, path)), path)
	if err != nil {
		return Attr{}, err
	}
	if give, ok := giving.change(ctx, attr); ok && give.NoFollow {
		return c.correct(ctx, path, attr, give)
	}
	return attr, nil
}

// Readlink implements [FS].
func (c *Conn) Readlink(ctx context.Context, path string) (string, error) {
	link := c.meta.start("READLINK", path, &sshfx.ReadLinkPacket{Path: path})
	if err := link.wait(ctx); err != nil {
		return "", err
	}
	return link.pathReply()
}

// Link implements [FS].
func (c *Conn) Link(ctx context.Context, oldPath, newPath string) (Attr, error) {
	if !c.has(extHardlink) {
		return Attr{}, missing(extHardlink)
	}
	return c.changed(ctx, c.meta.start("hardlink", newPath, hardlinkPacket(oldPath, newPath)), newPath)
}

// StatVFS implements [FS].
func (c *Conn) StatVFS(ctx context.Context, path string) (StatVFS, error) {
	if !c.has(extStatVFS) {
		return StatVFS{}, missing(extStatVFS)
	}
	stat := c.meta.start("statvfs", path, statVFSPacket(path))
	if err := stat.wait(ctx); err != nil {
		return StatVFS{}, err
	}
	return stat.statVFS()
}

// RealPath implements [FS].
func (c *Conn) RealPath(ctx context.Context, p string) (string, error) {
	if strings.HasPrefix(p, "~") {
		expanded, err := c.expandTilde(ctx, p)
		if err != nil {
			return "", err
		}
		p = expanded
	}
	if p == "" {
		p = "."
	}
	call := c.meta.start("REALPATH", p, &sshfx.RealPathPacket{Path: p})
	if err := call.wait(ctx); err != nil {
		return "", err
	}
	resolved, err := call.pathReply()
	if err != nil {
		return "", err
	}
	if !path.IsAbs(resolved) {
		return "", fmt.Errorf("%w: REALPATH of %q is %q, which is not absolute", ErrProtocol, p, shorten(resolved))
	}
	return path.Clean(resolved), nil
}

// expandTilde replaces a leading "~" or "~user". Without OpenSSH's extension
// only the user's own home is known: it is where relative paths start.
func (c *Conn) expandTilde(ctx context.Context, p string) (string, error) {
	if c.has(extExpandPath) {
		expand := c.meta.start("expand-path", p, expandPathPacket(p))
		if err := expand.wait(ctx); err != nil {
			return "", err
		}
		return expand.pathReply()
	}
	user, rest, _ := strings.Cut(p[1:], "/")
	if user != "" {
		return "", missing(extExpandPath)
	}
	return path.Join(".", rest), nil
}
