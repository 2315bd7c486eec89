package sftpconn

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"testing"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quickServer is a Transport whose channels answer at once and allocate nothing,
// so that what is measured is the client: HANDLE to OPEN, DATA to READ, ATTRS to
// any request for attributes, and STATUS to all else.
type quickServer struct{}

func (quickServer) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	c := &quickChannel{request: make([]byte, 0, 1<<20), reply: make([]byte, 0, 1<<20)}
	c.filled = sync.NewCond(&c.mu)
	return c, nil
}

func (quickServer) Ping() error  { return nil }
func (quickServer) Close() error { return nil }

type quickChannel struct {
	mu      sync.Mutex
	filled  *sync.Cond
	request []byte // received so far, not answered
	reply   []byte // not fetched yet
	closed  bool
}

func (c *quickChannel) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request = append(c.request, p...)
	rest := c.request
	for len(rest) >= 4 && len(rest) >= 4+int(binary.BigEndian.Uint32(rest)) {
		n := 4 + int(binary.BigEndian.Uint32(rest))
		c.answer(rest[4:n])
		rest = rest[n:]
	}
	c.request = c.request[:copy(c.request, rest)]
	c.filled.Signal()
	return len(p), nil
}

// answer appends a reply to a request, which begins with its type.
func (c *quickChannel) answer(request []byte) {
	begin := len(c.reply)
	c.reply = append(c.reply, 0, 0, 0, 0, 0)
	c.reply = append(c.reply, request[1:5]...)
	typ := sshfx.PacketTypeStatus
	switch sshfx.PacketType(request[0]) {
	case sshfx.PacketTypeInit:
		typ = sshfx.PacketTypeVersion
		c.reply = binary.BigEndian.AppendUint32(c.reply[:begin+5], 3)
	case sshfx.PacketTypeOpen:
		typ = sshfx.PacketTypeHandle
		c.reply = append(c.reply, 0, 0, 0, 1, 'h')
	case sshfx.PacketTypeRead:
		typ = sshfx.PacketTypeData
		n := binary.BigEndian.Uint32(request[len(request)-4:])
		c.reply = binary.BigEndian.AppendUint32(c.reply, n)
		c.reply = c.reply[:len(c.reply)+int(n)]
	case sshfx.PacketTypeLStat, sshfx.PacketTypeStat, sshfx.PacketTypeFStat:
		typ = sshfx.PacketTypeAttrs
		c.reply = append(c.reply, 0, 0, 0, byte(AttrSize), 0, 0, 0, 1, 0, 0, 0, 0)
	default:
		c.reply = append(c.reply, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	c.reply[begin+4] = byte(typ)
	binary.BigEndian.PutUint32(c.reply[begin:], uint32(len(c.reply)-begin-4))
}

func (c *quickChannel) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.reply) == 0 && !c.closed {
		c.filled.Wait()
	}
	if len(c.reply) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.reply)
	c.reply = c.reply[:copy(c.reply, c.reply[n:])]
	return n, nil
}

func (c *quickChannel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.filled.Signal()
	return nil
}

// quickFile is an open file on a Conn that reaches a quickServer.
func quickFile(tb testing.TB) (*Conn, File) {
	tb.Helper()
	// Without further channels nothing happens but what is asked for.
	c, err := New(tb.Context(), quickServer{}, Options{BulkChannels: -1, KeepaliveInterval: -1})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = c.Close() })
	f, _, err := c.Open(tb.Context(), "/file", Read|Write, 0)
	require.NoError(tb, err)
	return c, f
}

const benchSize = 256 << 10

// quickly are the operations that much depends on, and how often each may
// allocate. 256 KiB are eight requests where the server names no limits.
func quickly(tb testing.TB) map[string]struct {
	do     func() error
	bytes  int64
	allocs float64
} {
	c, f := quickFile(tb)
	ctx, p := tb.Context(), make([]byte, benchSize)
	return map[string]struct {
		do     func() error
		bytes  int64
		allocs float64
	}{
		"Read": {func() error {
			_, err := f.ReadAt(ctx, p, 0)
			return err
		}, benchSize, 8*8 + 8},
		"Write": {func() error { return f.Write(p, 0).Wait(ctx) }, benchSize, 8*8 + 8},
		"Lstat": {func() error {
			_, err := c.Lstat(ctx, "/directory/file")
			return err
		}, 0, 10},
	}
}

func TestAllocations(t *testing.T) {
	for name, op := range quickly(t) {
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { require.NoError(t, op.do()) }), op.allocs, name)
	}
}

// BenchmarkConn is about what a request costs on this side, down to the bytes of
// its packets.
func BenchmarkConn(b *testing.B) {
	for name, op := range quickly(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(op.bytes)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, op.do())
			}
		})
	}
}

// BenchmarkNames decodes a reply to READDIR.
func BenchmarkNames(b *testing.B) {
	entry := sshfx.NameEntry{Filename: "a file's name.txt", Longname: "-rw-r--r-- 1 user user 12345 Jan 1 00:00 a file's name.txt"}
	entry.Attrs = sshfx.Attributes{Flags: uint32(AttrAll), Size: 12345, Permissions: 0o100644}
	packet := &sshfx.NamePacket{}
	for range 100 {
		packet.Entries = append(packet.Entries, &entry)
	}
	header, payload, err := packet.MarshalPacket(1, nil)
	require.NoError(b, err)
	reply := append(header, payload...)[4:]
	b.ReportAllocs()
	for b.Loop() {
		c := &call{op: "READDIR", reply: reply}
		entries, err := c.names(func(string) {})
		require.NoError(b, err)
		require.Len(b, entries, 100)
	}
}
