package sftpconn

import (
	"context"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// HoldDir keeps a directory open on the server until release is called.
func (c *Conn) HoldDir(ctx context.Context, path string) (release func(), err error) {
	open := c.meta.start("OPENDIR", path, &sshfx.OpenDirPacket{Path: path})
	handle, err := c.awaitHandle(ctx, c.meta, open)
	if err != nil {
		return nil, err
	}
	return func() { c.meta.start("CLOSE", path, &sshfx.ClosePacket{Handle: handle}) }, nil
}
