package sftpconn

import (
	"strings"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// What some servers do otherwise than OpenSSH, and no reply of theirs tells. They
// are known by what they say that they are (RFC 4253, 4.2).

const (
	asyncSSH = "AsyncSSH"
	proFTPD  = "mod_sftp"
)

// serverIs reports whether the server says that it is the one called name.
func (c *Conn) serverIs(name string) bool {
	transport, ok := c.transport.(interface{ ServerVersion() string })
	return ok && strings.Contains(transport.ServerVersion(), name)
}

// allowedBulk is how many bulk channels the server can be trusted with. ProFTPD
// 1.3.8 mixes its channels up: it takes the handles of one for another's, and
// ends the connection.
func (c *Conn) allowedBulk() int {
	if c.serverIs(proFTPD) {
		return 0
	}
	return c.opts.BulkChannels
}

// symlinkPacket holds the two paths in the order in which the server takes them.
// OpenSSH's is not the draft's (OpenSSH PROTOCOL, section 4.1), and nearly
// everybody follows OpenSSH. AsyncSSH does so for clients that say that they are
// OpenSSH. The codec's names are those of OpenSSH's order.
func (c *Conn) symlinkPacket(target, path string) request {
	if c.serverIs(asyncSSH) {
		target, path = path, target
	}
	return &sshfx.SymlinkPacket{TargetPath: target, LinkPath: path}
}
