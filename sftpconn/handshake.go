package sftpconn

import (
	"encoding/binary"
	"fmt"
	"io"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// protocolVersion is the one that OpenSSH speaks and everybody else too.
const protocolVersion = 3

// extensions maps the names of those that the server announced to their data.
type extensions map[string]string

// sendInit begins the SFTP session (draft-ietf-secsh-filexfer-02, section 4).
func sendInit(w io.Writer) error {
	hello, err := (&sshfx.InitPacket{Version: protocolVersion}).MarshalBinary()
	if err == nil {
		_, err = w.Write(hello)
	}
	if err != nil {
		return noServer(err)
	}
	return nil
}

// noServer says that nothing has taken, or answered, INIT: which of the two fails first
// is a matter of chance.
func noServer(cause error) error {
	return fmt.Errorf("%w; its sftp subsystem may be missing or broken: %w", ErrNoServer, cause)
}

// readVersion reads the server's answer to INIT.
func readVersion(r io.Reader) (extensions, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, noServer(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if printable(length[:]) {
		return nil, fmt.Errorf("%w: it sent %s; a shell start-up file on the server prints text, which it must not do when no terminal is there",
			ErrText, firstLine(length[:], r))
	}
	if n < 5 || n > maxReplyLength {
		return nil, fmt.Errorf("%w: a first packet of %d bytes", ErrProtocol, n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("the server ended the SFTP session as it started: %w", err)
	}
	return decodeVersion(body)
}

func decodeVersion(body []byte) (extensions, error) {
	if packetType(body) != sshfx.PacketTypeVersion {
		return nil, fmt.Errorf("%w: its first packet is %s instead of VERSION", ErrProtocol, packetType(body))
	}
	b := sshfx.NewBuffer(body[1:])
	if v := b.ConsumeUint32(); b.Err != nil || v < protocolVersion {
		return nil, fmt.Errorf("the server speaks version %d of SFTP, and version %d is needed", v, protocolVersion)
	}
	ext := extensions{}
	for b.Len() > 0 {
		name, data := b.ConsumeString(), b.ConsumeString()
		if b.Err != nil {
			return nil, fmt.Errorf("%w: its VERSION packet does not decode: %w", ErrProtocol, b.Err)
		}
		ext[name] = data
	}
	return ext, nil
}

func printable(p []byte) bool {
	for _, c := range p {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' && c != 0x1b {
			return false
		}
	}
	return true
}

// firstLine quotes the beginning of what the server printed. What has not
// arrived yet is not waited for: the text may end here.
func firstLine(start []byte, r io.Reader) string {
	p := start
	if buffered, ok := r.(interface {
		Buffered() int
		Peek(n int) ([]byte, error)
	}); ok {
		more, _ := buffered.Peek(min(buffered.Buffered(), 76))
		p = append(append([]byte{}, start...), more...)
	}
	return fmt.Sprintf("%q", p)
}
