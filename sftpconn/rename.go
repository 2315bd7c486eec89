package sftpconn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// Rename implements [FS].
func (c *Conn) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	return c.onceClosed(ctx, func() error { return c.rename(ctx, oldPath, newPath, replace) }, oldPath, newPath)
}

func (c *Conn) rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	switch {
	case !replace:
		return c.plainRename(ctx, oldPath, newPath)
	case c.has(extPosixRename):
		return c.meta.start("posix-rename", oldPath, posixRenamePacket(oldPath, newPath)).Wait(ctx)
	default:
		return c.renameOver(ctx, oldPath, newPath)
	}
}

// plainRename fails if newPath exists (draft-ietf-secsh-filexfer-02, section 6.5).
func (c *Conn) plainRename(ctx context.Context, oldPath, newPath string) error {
	return c.meta.start("RENAME", oldPath, &sshfx.RenamePacket{OldPath: oldPath, NewPath: newPath}).Wait(ctx)
}

// renameOver replaces newPath on a server without posix-rename. It is not
// atomic: for a moment newPath is missing. What stood there is set aside first
// and put back if oldPath cannot be moved, so that it is never lost.
func (c *Conn) renameOver(ctx context.Context, oldPath, newPath string) error {
	err := c.plainRename(ctx, oldPath, newPath)
	if err == nil {
		return nil
	}
	there, statErr := c.Lstat(ctx, newPath)
	if statErr != nil {
		return err
	}
	moved, statErr := c.Lstat(ctx, oldPath)
	if statErr != nil || moved.IsDir() != there.IsDir() {
		return err
	}
	if there.IsDir() {
		if err := c.Rmdir(ctx, newPath); err != nil {
			return err
		}
		return afterActing(c.plainRename(ctx, oldPath, newPath))
	}
	aside := path.Join(path.Dir(newPath), fmt.Sprintf(".sftpmount-%x", rand.Uint64()))
	if err := c.plainRename(ctx, newPath, aside); err != nil {
		return err
	}
	if err := c.plainRename(ctx, oldPath, newPath); err != nil {
		// The caller may be gone already; what it replaced must not be.
		if back := c.plainRename(context.WithoutCancel(ctx), aside, newPath); back != nil {
			c.opts.Logger.Error("a file that was to be replaced could not be put back", "path", newPath, "kept as", aside, "err", back)
		}
		return afterActing(err)
	}
	return afterActing(c.Remove(context.WithoutCancel(ctx), aside))
}
