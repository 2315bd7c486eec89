package sftpconn

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbandonedOpenIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var closed atomic.Value
		s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
			switch req := req.(type) {
			case *sshfx.OpenPacket:
				<-release
				return &sshfx.HandlePacket{Handle: "late"}
			case *sshfx.StatPacket:
				return attrsPacket(regular, 0)
			case *sshfx.ClosePacket:
				closed.Store(req.Handle)
			}
			return status(StatusOK)
		})
		c := s.connect(t, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := c.Open(ctx, "/a", Read, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		synctest.Wait()
		assert.Equal(t, "late", closed.Load())
	})
}

func TestShortReadsAreContinued(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 20_000)
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req := req.(type) {
		case *sshfx.OpenPacket:
			return &sshfx.HandlePacket{Handle: "h"}
		case *sshfx.StatPacket:
			return attrsPacket(regular, len(content))
		case *sshfx.ReadPacket:
			from := min(int(req.Offset), len(content))
			to := min(from+min(int(req.Length), 7000), len(content))
			if from == to {
				return status(StatusEOF)
			}
			return &sshfx.DataPacket{Data: content[from:to]}
		}
		return status(StatusOK)
	})
	c := s.connect(t, Options{})
	f, _, err := c.Open(t.Context(), "/a", Read, 0)
	require.NoError(t, err)
	got := make([]byte, len(content)+5)
	n, err := f.ReadAt(t.Context(), got, 0)
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, content, got[:n])
}

func TestReadOfTooMuchEndsTheConnection(t *testing.T) {
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req.(type) {
		case *sshfx.OpenPacket:
			return &sshfx.HandlePacket{Handle: "h"}
		case *sshfx.StatPacket:
			return attrsPacket(regular, 100)
		case *sshfx.ReadPacket:
			return &sshfx.DataPacket{Data: make([]byte, 100)}
		}
		return status(StatusOK)
	})
	c := s.connect(t, Options{})
	f, _, err := c.Open(t.Context(), "/a", Read, 0)
	require.NoError(t, err)
	_, err = f.ReadAt(t.Context(), make([]byte, 10), 0)
	require.ErrorIs(t, err, ErrProtocol)
	<-c.Done()
	require.ErrorIs(t, c.Err(), ErrProtocol)
}

func TestFlushTellsEachErrorOnce(t *testing.T) {
	var sizes []int
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req := req.(type) {
		case *sshfx.OpenPacket:
			return &sshfx.HandlePacket{Handle: "h"}
		case *sshfx.StatPacket:
			return attrsPacket(regular, 0)
		case *sshfx.WritePacket:
			sizes = append(sizes, len(req.Data))
			if req.Offset == 0 {
				return status(StatusFailure)
			}
		}
		return status(StatusOK)
	})
	c := s.connect(t, Options{})
	f, _, err := c.Open(t.Context(), "/a", Write, 0)
	require.NoError(t, err)
	f.Write(make([]byte, 100_000), 0)
	require.Error(t, f.Flush(t.Context()))
	require.NoError(t, f.Flush(t.Context()))
	assert.Equal(t, []int{32 << 10, 32 << 10, 32 << 10, 100_000 - 3*32<<10}, sizes)
}

func TestReaderMovesToABulkChannel(t *testing.T) {
	for name, swapped := range map[string]bool{"same file": false, "path names another file": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bulkReads atomic.Int64
				s := newFakeServer(func(channel int, req sshfx.Packet) sshfx.Packet {
					switch req := req.(type) {
					case *sshfx.OpenPacket:
						return &sshfx.HandlePacket{Handle: "h"}
					case *sshfx.StatPacket, *sshfx.FStatPacket:
						if swapped && channel > 0 {
							return attrsPacket(regular, 5)
						}
						return attrsPacket(regular, 1<<30)
					case *sshfx.ReadPacket:
						if channel > 0 {
							bulkReads.Add(1)
						}
						return &sshfx.DataPacket{Data: make([]byte, req.Length)}
					}
					return status(StatusOK)
				})
				c := s.connect(t, Options{})
				f, _, err := c.Open(t.Context(), "/a", Read, 0)
				require.NoError(t, err)
				p := make([]byte, 1<<20)
				for i := range 5 {
					synctest.Wait()
					_, err := f.ReadAt(t.Context(), p, int64(i)<<20)
					require.NoError(t, err)
				}
				assert.Equal(t, !swapped, bulkReads.Load() > 0)
			})
		})
	}
}

// On several channels, what a File is asked to do must still happen in order
// where the order makes a difference.
func TestOrderHoldsAcrossChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		content := make([]byte, 0)
		var synced []byte
		channels := map[int]bool{}
		const far = 100 * time.Millisecond // so that there are many channels
		s := newFakeServer(func(channel int, req sshfx.Packet) sshfx.Packet {
			if _, isWrite := req.(*sshfx.WritePacket); !isWrite {
				time.Sleep(far)
			}
			mu.Lock()
			defer mu.Unlock()
			switch req := req.(type) {
			case *sshfx.OpenPacket:
				return &sshfx.HandlePacket{Handle: "h"}
			case *sshfx.StatPacket, *sshfx.FStatPacket:
				return attrsPacket(regular, max(len(content), 1))
			case *sshfx.FSetStatPacket:
				content = content[:req.Attrs.Size]
			case *sshfx.ExtendedPacket:
				synced = bytes.Clone(content)
			case *sshfx.WritePacket:
				channels[channel] = true
				mu.Unlock() // each channel has its own pace
				time.Sleep(time.Duration(1+channel) * time.Millisecond)
				mu.Lock()
				end := int(req.Offset) + len(req.Data)
				if end > len(content) {
					content = append(content, make([]byte, end-len(content))...)
				}
				copy(content[req.Offset:], req.Data)
			}
			return status(StatusOK)
		}, extFsync)
		s.startDelay = far
		c := s.connect(t, Options{})
		f, _, err := c.Open(t.Context(), "/a", Write|Create, 0o644)
		require.NoError(t, err)
		want := make([]byte, 24<<20)
		for i := range want {
			want[i] = byte(i >> 16)
		}
		const step = 1 << 20
		for at := 0; at < len(want); at += step {
			f.Write(bytes.Repeat([]byte{0xee}, step/2), int64(at+step/4)) // overwritten below
			f.Write(want[at:at+step], int64(at))
			time.Sleep(60 * time.Millisecond) // less than the server needs
		}
		require.NoError(t, f.Sync(t.Context()))
		assert.True(t, bytes.Equal(want, synced), "synced before it was written")
		require.NoError(t, f.Flush(t.Context()))
		require.Greater(t, len(channels), 2, "the file never spread")
		f.Write(make([]byte, step), int64(len(want)))
		f.SetAttr(SetAttr{Attr: Attr{Valid: AttrSize, Size: 5 << 20}})
		f.Write([]byte("after"), 5<<20)
		f.Write([]byte("AFTER"), 5<<20)
		attr, err := f.Attr(t.Context())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, attr.Size, uint64(5<<20))
		require.NoError(t, f.Flush(t.Context()))
		assert.True(t, bytes.Equal(append(want[:5<<20:5<<20], "AFTER"...), content))
	})
}

// The attributes of a file that is written on several channels tell of all that was
// started, however far behind one of these is.
func TestAttrTellsOfAllWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var size atomic.Int64
		s := newFakeServer(func(channel int, req sshfx.Packet) sshfx.Packet {
			switch req := req.(type) {
			case *sshfx.OpenPacket:
				return &sshfx.HandlePacket{Handle: "h"}
			case *sshfx.StatPacket, *sshfx.FStatPacket:
				return attrsPacket(regular, int(size.Load()))
			case *sshfx.WritePacket:
				time.Sleep(time.Duration(channel) * time.Second)
				size.Store(max(size.Load(), int64(req.Offset)+int64(len(req.Data))))
			}
			return status(StatusOK)
		})
		s.ping = func() error { return nil }
		c := s.connect(t, Options{Connections: 4})
		synctest.Wait()
		f, _, err := c.Open(t.Context(), "/a", Write|Create, 0o644)
		require.NoError(t, err)
		const half = 8 << 20
		require.NoError(t, f.Write(make([]byte, half), 0).Wait(t.Context()))
		synctest.Wait()
		require.Len(t, f.(*file).handles, 4)
		f.Write(make([]byte, half), half)
		attr, err := f.Attr(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 2*half, attr.Size)
		require.NoError(t, f.Flush(t.Context()))
	})
}

// A server that does not know how to append is told where the end is.
func TestServerThatRefusesToAppend(t *testing.T) {
	for _, code := range []StatusCode{StatusOpUnsupported, StatusFailure} {
		synctest.Test(t, func(t *testing.T) {
			var opens atomic.Int32
			var written atomic.Uint64
			s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
				switch req := req.(type) {
				case *sshfx.OpenPacket:
					opens.Add(1)
					if OpenFlags(req.PFlags)&Append != 0 {
						return status(code)
					}
					return &sshfx.HandlePacket{Handle: "plain"}
				case *sshfx.StatPacket:
					return attrsPacket(regular, 7)
				case *sshfx.WritePacket:
					written.Store(req.Offset)
				}
				return status(StatusOK)
			})
			c := s.connect(t, Options{})
			for range 2 {
				f, _, err := c.Open(t.Context(), "/log", Write|Append, 0)
				require.NoError(t, err)
				require.NoError(t, f.Write([]byte("line"), 7).Wait(t.Context()))
				require.NoError(t, f.Close(t.Context()))
			}
			require.EqualValues(t, 7, written.Load())
			require.EqualValues(t, 3, opens.Load(), "it is asked once")
		})
	}
}
