package sftptest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
)

// lie changes an honest reply. The channel ends after it if the error is not
// nil.
type lie struct {
	name string
	tell func(honest packet) ([]byte, error)
}

// generalLies returns lies about any packet of this length.
func generalLies(length int) []lie {
	lies := []lie{
		{"empty packet", constant(0, 0, 0, 0)},
		{"only a type", constant(0, 0, 0, 1, byte(sshfx.PacketTypeStatus))},
		{"half an id", constant(0, 0, 0, 3, byte(sshfx.PacketTypeStatus), 0, 0)},
		{"4 GiB", constant(0xff, 0xff, 0xff, 0xff, byte(sshfx.PacketTypeData))},
		{"2 GiB", constant(0x7f, 0xff, 0xff, 0xff, byte(sshfx.PacketTypeName))},
		{"text", func(packet) ([]byte, error) { return []byte("Welcome to the server!\r\n"), io.EOF }},
		{"other id", changed(func(p packet) { binary.BigEndian.PutUint32(p[5:], p.id()+1000) })},
		{"twice", func(p packet) ([]byte, error) { return slices.Concat(p, p), nil }},
		{"bytes behind", inflated(bytes.Repeat([]byte{0xff}, 40))},
		{"only a body's end", func(p packet) ([]byte, error) { return p[4:], io.EOF }},
	}
	for _, kind := range []sshfx.PacketType{
		0, sshfx.PacketTypeInit, sshfx.PacketTypeVersion, sshfx.PacketTypeRead, sshfx.PacketTypeStatus,
		sshfx.PacketTypeHandle, sshfx.PacketTypeData, sshfx.PacketTypeName, sshfx.PacketTypeAttrs,
		sshfx.PacketTypeExtended, sshfx.PacketTypeExtendedReply, 255,
	} {
		lies = append(lies, lie{"type " + kind.String(), changed(func(p packet) { p[4] = byte(kind) })})
	}
	for n := range length {
		if n > 64 && n%7 != 0 { // the same fields over and over
			continue
		}
		lies = append(lies, lie{fmt.Sprintf("cut at %d", n), func(p packet) ([]byte, error) {
			return p[:min(n, len(p))], io.EOF
		}})
		if n < 9 {
			continue
		}
		lies = append(lies,
			lie{fmt.Sprintf("short of %d", n), shortened(n)},
			lie{fmt.Sprintf("-1 at %d", n), changed(func(p packet) { copy(p[min(n, len(p)):], "\xff\xff\xff\xff") })},
			lie{fmt.Sprintf("0 at %d", n), changed(func(p packet) { copy(p[min(n, len(p)):], "\x00\x00\x00\x00") })},
		)
	}
	return lies
}

// listingLies are about READDIR, for ever.
func listingLies() []lie {
	n := 0
	batch := func(name string) func(packet) ([]byte, error) {
		return func(p packet) ([]byte, error) {
			n++
			return Reply(p.id(), &sshfx.NamePacket{Entries: []*sshfx.NameEntry{{
				Filename: strings.ReplaceAll(name, "#", fmt.Sprint(n)),
			}}})
		}
	}
	return []lie{
		{"no names for ever", func(p packet) ([]byte, error) { return Reply(p.id(), &sshfx.NamePacket{}) }},
		{"dots for ever", batch("..")},
		{"one name for ever", batch("a")},
		{"impossible names for ever", batch("a/b")},
		{"2^32-1 names", func(p packet) ([]byte, error) {
			reply, err := Reply(p.id(), &sshfx.NamePacket{})
			copy(reply[9:], "\xff\xff\xff\xff")
			return reply, err
		}},
		{"10 MB name", batch(strings.Repeat("x", 10<<20))},
	}
}

// readLies are about READ.
func readLies() []lie {
	data := func(n int) func(packet) ([]byte, error) {
		return func(p packet) ([]byte, error) { return Reply(p.id(), &sshfx.DataPacket{Data: make([]byte, n)}) }
	}
	return []lie{
		{"no data for ever", data(0)},
		{"a byte more than asked", data(readLength + 1)},
		{"the longest packet", data(maxPacket - 100)},
		{"one byte at a time", data(1)},
	}
}

// readLength is how much the suite reads of a server that lies about READ.
const readLength = 100

// attrLies are about ATTRS.
func attrLies() []lie {
	attrs := func(a sshfx.Attributes) func(packet) ([]byte, error) {
		return func(p packet) ([]byte, error) { return Reply(p.id(), &sshfx.AttrsPacket{Attrs: a}) }
	}
	raw := func(words ...uint32) func(packet) ([]byte, error) {
		return func(p packet) ([]byte, error) {
			reply, err := Reply(p.id(), &sshfx.AttrsPacket{})
			reply = reply[:9]
			for _, w := range words {
				reply = binary.BigEndian.AppendUint32(reply, w)
			}
			binary.BigEndian.PutUint32(reply, uint32(len(reply)-4))
			return reply, err
		}
	}
	return []lie{
		{"no attributes", attrs(sshfx.Attributes{})},
		{"largest size", attrs(sshfx.Attributes{Flags: sshfx.AttrSize, Size: math.MaxUint64})},
		{"size 2^63-1", attrs(sshfx.Attributes{Flags: sshfx.AttrSize, Size: math.MaxInt64})},
		{"all mode bits", attrs(sshfx.Attributes{Flags: sshfx.AttrPermissions, Permissions: math.MaxUint32})},
		{"all flags", raw(math.MaxUint32, 0, 0, 0, 0, 0, 0, 0, math.MaxUint32)},
		{"2^32-1 extended pairs", raw(sshfx.AttrExtended, math.MaxUint32)},
	}
}

func constant(reply ...byte) func(packet) ([]byte, error) {
	return func(packet) ([]byte, error) { return reply, errLied }
}

// errLied ends a channel on which a client cannot go on.
var errLied = errors.New("lied")

func changed(change func(packet)) func(packet) ([]byte, error) {
	return func(p packet) ([]byte, error) {
		change(p)
		return p, nil
	}
}

// inflated returns a lie that adds bytes to the body, which the length word
// knows of.
func inflated(more []byte) func(packet) ([]byte, error) {
	return func(p packet) ([]byte, error) {
		p = append(p, more...)
		binary.BigEndian.PutUint32(p, uint32(len(p)-4))
		return p, nil
	}
}

// shortened returns a lie that takes the body's end away, which the length word
// knows of.
func shortened(n int) func(packet) ([]byte, error) {
	return func(p packet) ([]byte, error) {
		p = p[:min(n, len(p))]
		binary.BigEndian.PutUint32(p, uint32(len(p)-4))
		return p, nil
	}
}
