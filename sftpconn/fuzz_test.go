package sftpconn

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/require"
)

var quiet = slog.New(slog.DiscardHandler)

// packet frames a body as the server would.
func packet(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// seedReplies are well-formed replies to request 1 of every type.
func seedReplies(tb testing.TB) [][]byte {
	attrs := sshfx.Attributes{Flags: uint32(AttrAll), Size: 7, Permissions: 0o100644, MTime: 1}
	var all [][]byte
	for _, p := range []sshfx.Packet{
		&sshfx.StatusPacket{StatusCode: sshfx.StatusFailure, ErrorMessage: "Failure"},
		&sshfx.StatusPacket{StatusCode: sshfx.StatusEOF},
		&sshfx.StatusPacket{},
		&sshfx.HandlePacket{Handle: "h"},
		&sshfx.DataPacket{Data: []byte("hello")},
		&sshfx.NamePacket{Entries: []*sshfx.NameEntry{{Filename: "a", Longname: "-rw", Attrs: attrs}, {Filename: "../b"}}},
		&sshfx.AttrsPacket{Attrs: attrs},
		&sshfx.AttrsPacket{Attrs: sshfx.Attributes{Flags: sshfx.AttrExtended, Extended: sshfx.ExtendedAttributes{{Type: "t", Data: "d"}}}},
		&sshfx.ExtendedReplyPacket{Data: sshfx.NewBuffer(make([]byte, 88))},
	} {
		header, payload, err := p.MarshalPacket(1, nil)
		require.NoError(tb, err)
		all = append(all, append(header, payload...)[4:])
	}
	return all
}

// FuzzReply feeds arbitrary replies to every decoder.
func FuzzReply(f *testing.F) {
	for _, body := range seedReplies(f) {
		f.Add(body)
		f.Add(body[:len(body)-1])
	}
	huge := []byte{byte(sshfx.PacketTypeName), 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}
	f.Add(huge)
	f.Fuzz(func(_ *testing.T, body []byte) {
		if len(body) < 5 {
			return
		}
		for _, decode := range []func(*call){
			func(c *call) { _ = c.status() },
			func(c *call) { _, _ = c.attrs() },
			func(c *call) { _, _ = c.handle() },
			func(c *call) { _, _ = c.data(64) },
			func(c *call) { _, _ = c.names(func(string) {}) },
			func(c *call) { _, _ = c.pathReply() },
			func(c *call) { _, _ = c.statVFS() },
		} {
			c := &call{op: "TEST", ch: brokenChannel(), reply: bytes.Clone(body)}
			decode(c)
		}
	})
}

// brokenChannel is one that only notes that it was failed.
func brokenChannel() *channel {
	ch := &channel{rwc: script{Reader: bytes.NewReader(nil)}}
	ch.queue.wake = sync.NewCond(&ch.mu)
	return ch
}

// FuzzHandshake feeds arbitrary bytes to the start of a session.
func FuzzHandshake(f *testing.F) {
	version, err := (&sshfx.VersionPacket{Version: 3, Extensions: []*sshfx.ExtensionPair{{Name: "limits@openssh.com", Data: "1"}}}).MarshalBinary()
	require.NoError(f, err)
	f.Add(version)
	f.Add([]byte("Welcome to this server!\r\n"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = readVersion(bytes.NewReader(data))
	})
}

// script is a channel whose server has said everything in advance.
type script struct {
	io.Reader
}

func (script) Write(p []byte) (int, error) { return len(p), nil }
func (script) Close() error                { return nil }

// FuzzStream lets a server say anything on a channel with requests under way:
// each of them ends, with an answer or an error.
func FuzzStream(f *testing.F) {
	for _, body := range seedReplies(f) {
		f.Add(packet(body))
		f.Add(append(packet(body), packet(body)...))
	}
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 101})
	version, err := (&sshfx.VersionPacket{Version: 3}).MarshalBinary()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		stream := io.MultiReader(bytes.NewReader(version), bytes.NewReader(data))
		ch := startedChannel(script{stream})
		c := &Conn{meta: ch, opts: Options{Logger: quiet}, server: server{limits: defaultLimits}}
		_, _ = c.Lstat(ctx, "/a")
		_, _ = c.ReadDir(ctx, "/d")
		_, _ = c.Readlink(ctx, "/l")
		h := handle{ch, "h"}
		_, _ = (&file{conn: c, handles: []handle{h}}).ReadAt(ctx, make([]byte, 64), 0)
		ch.fail(io.EOF)
		<-ch.done
		require.NoError(t, ctx.Err(), "a request hung")
	})
}
