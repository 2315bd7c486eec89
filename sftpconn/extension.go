package sftpconn

import (
	"context"
	"errors"
	"fmt"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/pkg/sftp/v2/encoding/ssh/filexfer/openssh"
)

// OpenSSH's extensions (OpenSSH PROTOCOL, section 4) that are used if offered.
const (
	extPosixRename = "posix-rename@openssh.com"
	extStatVFS     = "statvfs@openssh.com"
	extHardlink    = "hardlink@openssh.com"
	extFsync       = "fsync@openssh.com"
	extLsetstat    = "lsetstat@openssh.com"
	extLimits      = "limits@openssh.com"
	extExpandPath  = "expand-path@openssh.com"
	extCopyData    = "copy-data"
	extOwnerNames  = "users-groups-by-id@openssh.com"
)

// has reports whether the server announced an extension.
func (c *Conn) has(extension string) bool {
	_, ok := c.server.ext[extension]
	return ok
}

// missing is the error for an operation that needs an extension that the server
// does not have.
func missing(extension string) error {
	return fmt.Errorf("the server lacks %s: %w", extension, errors.ErrUnsupported)
}

// extended is a request whose data the codec does not know.
func extended(name string, data *sshfx.Buffer) *sshfx.ExtendedPacket {
	return &sshfx.ExtendedPacket{ExtendedRequest: name, Data: data}
}

func posixRenamePacket(oldPath, newPath string) request {
	return &openssh.POSIXRenameExtendedPacket{OldPath: oldPath, NewPath: newPath}
}

func hardlinkPacket(oldPath, newPath string) request {
	return &openssh.HardlinkExtendedPacket{OldPath: oldPath, NewPath: newPath}
}

func statVFSPacket(path string) request { return &openssh.StatVFSExtendedPacket{Path: path} }

func fsyncPacket(handle string) request { return &openssh.FSyncExtendedPacket{Handle: handle} }

func lsetstatPacket(path string, set SetAttr) request {
	b := new(sshfx.Buffer)
	b.AppendString(path)
	attrs := set.encode()
	attrs.MarshalInto(b)
	return extended(extLsetstat, b)
}

func expandPathPacket(path string) request {
	b := new(sshfx.Buffer)
	b.AppendString(path)
	return extended(extExpandPath, b)
}

// copyDataPacket is described in draft-ietf-secsh-filexfer-extensions-00,
// section 7. A length of 0 would mean all up to the end.
func copyDataPacket(from string, fromOff, n int64, to string, toOff int64) request {
	b := new(sshfx.Buffer)
	b.AppendString(from)
	b.AppendUint64(uint64(fromOff))
	b.AppendUint64(uint64(n))
	b.AppendString(to)
	b.AppendUint64(uint64(toOff))
	return extended(extCopyData, b)
}

// limits are the largest READ and WRITE that the server takes, in bytes.
type limits struct {
	read, write int
}

// draft-ietf-secsh-filexfer-02, section 3, promises packets of 34,000 bytes.
var defaultLimits = limits{read: 32 << 10, write: 32 << 10}

// askLimits asks for the server's limits with limits@openssh.com.
func askLimits(ctx context.Context, ch *channel) (limits, error) {
	c := ch.start("limits", "", extended(extLimits, new(sshfx.Buffer)))
	if err := c.wait(ctx); err != nil {
		return limits{}, err
	}
	b, err := c.expect(sshfx.PacketTypeExtendedReply)
	if _, refused := errors.AsType[*StatusError](err); refused {
		return defaultLimits, nil
	}
	if err != nil {
		return limits{}, err
	}
	b.ConsumeUint64() // max-packet-length
	read, write := b.ConsumeUint64(), b.ConsumeUint64()
	if b.Err != nil {
		return limits{}, c.malformed(b.Err)
	}
	return limits{
		read:  boundLimit(read, defaultLimits.read),
		write: boundLimit(write, defaultLimits.write),
	}, nil
}

// boundLimit keeps a server's limit within reason; 0 means that it named none.
func boundLimit(n uint64, fallback int) int {
	switch {
	case n == 0:
		return fallback
	case n < 1<<10:
		return 1 << 10
	case n > maxReplyLength-1<<10:
		return maxReplyLength - 1<<10
	}
	return int(n)
}
