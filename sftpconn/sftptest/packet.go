package sftptest

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"

	"sftpmount/sftpconn"
)

// maxPacket is the longest packet that a server takes, in bytes
// (SFTP_MAX_MSG_LENGTH in OpenSSH's sftp-common.h).
const maxPacket = 256 << 10

// packet is a whole SFTP packet, its length word included
// (draft-ietf-secsh-filexfer-02, section 3).
type packet []byte

func readPacket(r io.Reader) (packet, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 5 || n > maxPacket {
		return nil, fmt.Errorf("SFTP packet of %d bytes", n)
	}
	p := make(packet, 4+n)
	copy(p, length[:])
	_, err := io.ReadFull(r, p[4:])
	return p, err
}

func (p packet) kind() sshfx.PacketType { return sshfx.PacketType(p[4]) }

// id returns the request id. INIT and VERSION have none.
func (p packet) id() uint32 { return binary.BigEndian.Uint32(p[5:]) }

// body returns what follows the request id.
func (p packet) body() *sshfx.Buffer { return sshfx.NewBuffer(p[9:]) }

// name returns the Request.Type of a request.
func (p packet) name() string {
	if p.kind() == sshfx.PacketTypeExtended {
		return p.body().ConsumeString()
	}
	return strings.TrimPrefix(p.kind().String(), "SSH_FXP_")
}

// statusPacket is the answer to request id that has only a code.
func statusPacket(id uint32, code sftpconn.StatusCode) (packet, error) {
	return Reply(id, &sshfx.StatusPacket{StatusCode: sshfx.Status(code), ErrorMessage: "set by the test"})
}

func realPathPacket(id uint32, path string) (packet, error) {
	return Reply(id, &sshfx.RealPathPacket{Path: path})
}
