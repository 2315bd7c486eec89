package sftpconn

import (
	"fmt"
	"io"
	"strings"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/pkg/sftp/v2/encoding/ssh/filexfer/openssh"
)

// The decoders below take what the server sent: nothing in it is trusted. They
// check every count against the bytes that are there before they allocate.

// body returns the reply behind its type and id.
func (c *call) body() *sshfx.Buffer { return sshfx.NewBuffer(c.reply[5:]) }

// unexpected is the error for a reply of another type than the request has.
func (c *call) unexpected() error {
	return c.broken(fmt.Errorf("%w: %s was answered by %s", ErrProtocol, c.op, packetType(c.reply)))
}

// malformed is the error for a reply that does not decode.
func (c *call) malformed(err error) error {
	return c.broken(fmt.Errorf("%w: the reply to %s does not decode: %w", ErrProtocol, c.op, err))
}

// broken ends the channel: after one such reply none can be trusted.
func (c *call) broken(err error) error {
	c.ch.fail(err)
	return err
}

// status decodes a STATUS reply: nil for SSH_FX_OK, else a *StatusError.
func (c *call) status() error {
	if packetType(c.reply) != sshfx.PacketTypeStatus {
		return c.unexpected()
	}
	b := c.body()
	code := StatusCode(b.ConsumeUint32())
	if b.Err != nil {
		return c.malformed(b.Err)
	}
	if code == StatusOK {
		return nil
	}
	if code > StatusOpUnsupported {
		// Some servers name the cause by a code of a later version, such as
		// SSH_FX_DIR_NOT_EMPTY. They differ in which they use, and whoever
		// gets StatusFailure looks for the cause.
		code = StatusFailure
	}
	// Servers of old versions send no message.
	message := b.ConsumeBytes()
	if b.Err != nil {
		message = nil
	}
	return &StatusError{Op: c.op, Path: c.path, Code: code, Message: string(message[:min(len(message), maxMessage)])}
}

// maxMessage is how much is kept of what a server says about a failure, in bytes: it is
// logged.
const maxMessage = 256

// expect returns the body of a reply of type want. A STATUS becomes its error.
func (c *call) expect(want sshfx.PacketType) (*sshfx.Buffer, error) {
	switch packetType(c.reply) {
	case want:
		return c.body(), nil
	case sshfx.PacketTypeStatus:
		if err := c.status(); err != nil {
			return nil, err
		}
	}
	return nil, c.unexpected()
}

func (c *call) attrs() (Attr, error) {
	b, err := c.expect(sshfx.PacketTypeAttrs)
	if err != nil {
		return Attr{}, err
	}
	a, err := decodeAttr(b)
	if err != nil {
		return Attr{}, c.malformed(err)
	}
	return a, nil
}

func (c *call) handle() (handle, error) {
	b, err := c.expect(sshfx.PacketTypeHandle)
	if err != nil {
		return handle{}, err
	}
	id := b.ConsumeString()
	if b.Err != nil {
		return handle{}, c.malformed(b.Err)
	}
	// draft-ietf-secsh-filexfer-02, section 4: at most 256 bytes.
	if len(id) > 256 {
		return handle{}, c.malformed(fmt.Errorf("a handle of %d bytes", len(id)))
	}
	return handle{c.ch, id}, nil
}

// data returns the bytes of a READ reply, which alias it. The end of the file
// is io.EOF.
func (c *call) data(asked int) ([]byte, error) {
	if packetType(c.reply) == sshfx.PacketTypeStatus {
		return nil, eof(c.status(), c)
	}
	b, err := c.expect(sshfx.PacketTypeData)
	if err != nil {
		return nil, err
	}
	p := b.ConsumeBytes()
	if b.Err != nil {
		return nil, c.malformed(b.Err)
	}
	if len(p) > asked {
		return nil, c.malformed(fmt.Errorf("%d bytes where %d were asked for", len(p), asked))
	}
	if len(p) == 0 {
		return nil, io.EOF
	}
	return p, nil
}

// eof turns the status SSH_FX_EOF into io.EOF, and success where data was due
// into a protocol error.
func eof(err error, c *call) error {
	if se, ok := err.(*StatusError); ok && se.Code == StatusEOF { //nolint:errorlint // status() does not wrap
		return io.EOF
	}
	if err == nil {
		return c.unexpected()
	}
	return err
}

// names decodes the entries of a NAME reply. The end of a directory is io.EOF.
// Names that cannot be are told to leaveOut.
func (c *call) names(leaveOut func(name string)) ([]DirEntry, error) {
	if packetType(c.reply) == sshfx.PacketTypeStatus {
		return nil, eof(c.status(), c)
	}
	b, err := c.expect(sshfx.PacketTypeName)
	if err != nil {
		return nil, err
	}
	n := int(b.ConsumeUint32())
	// The shortest entry has two empty strings and an empty ATTRS.
	if b.Err != nil || n > b.Len()/12 {
		return nil, c.malformed(fmt.Errorf("%d names in %d bytes", n, b.Len()))
	}
	entries := make([]DirEntry, 0, n)
	for range n {
		name := b.ConsumeString()
		b.ConsumeBytes() // longname
		attr, err := decodeAttr(b)
		if err != nil {
			return nil, c.malformed(err)
		}
		if name == "." || name == ".." {
			continue
		}
		if !validName(name) {
			leaveOut(name)
			continue
		}
		entries = append(entries, DirEntry{Name: name, Attr: attr})
	}
	return entries, nil
}

// validName reports whether a local directory could hold name.
func validName(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsAny(name, "/\x00")
}

func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// pathReply decodes a NAME reply that carries one path.
func (c *call) pathReply() (string, error) {
	b, err := c.expect(sshfx.PacketTypeName)
	if err != nil {
		return "", err
	}
	n := b.ConsumeUint32()
	p := b.ConsumeString()
	if b.Err != nil {
		return "", c.malformed(b.Err)
	}
	if n != 1 || strings.ContainsRune(p, 0) {
		return "", c.malformed(fmt.Errorf("%d names, the first %q", n, shorten(p)))
	}
	return p, nil
}

// statVFSReadOnly is SSH2_FXE_STATVFS_ST_RDONLY (OpenSSH PROTOCOL, section 4.4).
const statVFSReadOnly = 1

func (c *call) statVFS() (StatVFS, error) {
	b, err := c.expect(sshfx.PacketTypeExtendedReply)
	if err != nil {
		return StatVFS{}, err
	}
	var r openssh.StatVFSExtendedReplyPacket
	if err := r.UnmarshalFrom(b); err != nil {
		return StatVFS{}, c.malformed(err)
	}
	return StatVFS{
		BlockSize: r.BlockSize, FragmentSize: r.FragmentSize,
		Blocks: r.Blocks, BlocksFree: r.BlocksFree, BlocksAvail: r.BlocksAvail,
		Files: r.Files, FilesFree: r.FilesFree, FilesAvail: r.FilesAvail,
		ID: r.FilesystemID, ReadOnly: r.MountFlags&statVFSReadOnly != 0,
		MaxNameLength: r.MaxNameLength,
	}, nil
}

// decodeAttr decodes an ATTRS structure (draft-ietf-secsh-filexfer-02, section
// 5) and skips its extended pairs. The codec's own decoder allocates as many
// pairs as the server claims.
func decodeAttr(b *sshfx.Buffer) (Attr, error) {
	flags := b.ConsumeUint32()
	a := Attr{Valid: AttrMask(flags) & AttrAll}
	if a.Valid&AttrSize != 0 {
		a.Size = min(b.ConsumeUint64(), maxFileSize)
	}
	if a.Valid&AttrOwners != 0 {
		a.UID, a.GID = b.ConsumeUint32(), b.ConsumeUint32()
	}
	if a.Valid&AttrMode != 0 {
		a.Mode = b.ConsumeUint32()
	}
	if a.Valid&AttrTimes != 0 {
		a.Atime, a.Mtime = b.ConsumeUint32(), b.ConsumeUint32()
	}
	if flags&sshfx.AttrExtended != 0 {
		for n := b.ConsumeUint32(); n > 0 && b.Err == nil; n-- {
			b.ConsumeBytes()
			b.ConsumeBytes()
		}
	}
	return a, b.Err
}

// maxFileSize is the largest size that off_t holds, in bytes. A larger one, such
// as the -1 of a server that does not know, is taken for it.
const maxFileSize = 1<<63 - 1

// encode returns the ATTRS structure of a change.
func (s SetAttr) encode() sshfx.Attributes {
	return sshfx.Attributes{
		Flags: uint32(s.Valid & AttrAll),
		Size:  s.Size,
		UID:   s.UID, GID: s.GID,
		Permissions: sshfx.FileMode(s.Mode & 0o7777),
		ATime:       s.Atime, MTime: s.Mtime,
	}
}
