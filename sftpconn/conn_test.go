package sftpconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const regular = 0o100644

func TestDeadPeerIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return nil })
		c := s.connect(t, Options{KeepaliveInterval: 5 * time.Second, KeepaliveCount: 3})
		began := time.Now()
		_, err := c.Lstat(t.Context(), "/a")
		require.ErrorIs(t, err, ErrLost)
		assert.InDelta(t, 15, time.Since(began).Seconds(), 5.1)
		assert.ErrorContains(t, c.Err(), "has not answered for")
		<-c.Done()
	})
}

func TestSilentButAliveStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return nil })
		s.ping = func() error { return nil }
		c := s.connect(t, Options{KeepaliveInterval: 5 * time.Second, KeepaliveCount: 3})
		time.Sleep(time.Hour)
		require.NoError(t, c.Err())
	})
}

// Where nobody answers for the SFTP server, it is asked itself.
func TestServerThatIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet {
			if hangs.Load() {
				return nil
			}
			return status(StatusPermissionDenied)
		})
		s.ping = func() error { return errors.ErrUnsupported }
		c := s.connect(t, Options{KeepaliveInterval: 5 * time.Second, KeepaliveCount: 3, BulkChannels: -1})
		time.Sleep(time.Hour)
		require.NoError(t, c.Err())
		hangs.Store(true)
		began := time.Now()
		_, err := c.Lstat(t.Context(), "/a")
		require.ErrorIs(t, err, ErrLost)
		assert.InDelta(t, 60, time.Since(began).Seconds(), 6)
	})
}

func TestErrorsTellWhetherTheServerMayHaveActed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return nil })
		c := s.connect(t, Options{})
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { err = c.Remove(t.Context(), "/a") })
		synctest.Wait()
		require.NoError(t, c.Close())
		wg.Wait()
		require.ErrorIs(t, err, ErrLost)
		require.NotErrorIs(t, err, ErrNotSent)
		require.ErrorIs(t, c.Remove(t.Context(), "/a"), ErrNotSent)
	})
}

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

func TestImpossibleNamesAreLeftOut(t *testing.T) {
	var listed bool
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req.(type) {
		case *sshfx.OpenDirPacket:
			return &sshfx.HandlePacket{Handle: "d"}
		case *sshfx.ReadDirPacket:
			if listed {
				return status(StatusEOF)
			}
			listed = true
			p := &sshfx.NamePacket{}
			for _, name := range []string{".", "..", "", "a/b", "/etc/passwd", "n\x00l", strings.Repeat("x", 256), "good", "\xff\xfe"} {
				p.Entries = append(p.Entries, &sshfx.NameEntry{Filename: name})
			}
			return p
		}
		return status(StatusOK)
	})
	entries, err := s.connect(t, Options{}).ReadDir(t.Context(), "/d")
	require.NoError(t, err)
	assert.Equal(t, []DirEntry{{Name: "good"}, {Name: "\xff\xfe"}}, entries)
}

func TestLongMessagesAreCut(t *testing.T) {
	s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet {
		return &sshfx.StatusPacket{StatusCode: sshfx.StatusFailure, ErrorMessage: strings.Repeat("no ", 100_000)}
	})
	_, err := s.connect(t, Options{}).Lstat(t.Context(), "/a")
	require.ErrorContains(t, err, "no no no")
	assert.Less(t, len(err.Error()), 500)
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
					case *sshfx.StatPacket:
						return attrsPacket(regular, 1<<30)
					case *sshfx.FStatPacket:
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

func TestOneSessionServerGetsEverythingOnOneChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
			switch req.(type) {
			case *sshfx.OpenPacket:
				return &sshfx.HandlePacket{Handle: "h"}
			case *sshfx.StatPacket:
				return attrsPacket(regular, 0)
			}
			return status(StatusOK)
		})
		s.maxChannels = 1
		c := s.connect(t, Options{})
		synctest.Wait()
		f, _, err := c.Open(t.Context(), "/a", Write|Create, 0o644)
		require.NoError(t, err)
		require.NoError(t, f.Write(make([]byte, 4<<20), 0).Wait(t.Context()))
	})
}

func TestNewGivesUpOnAServerThatSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return nil }, extLimits)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := New(ctx, s, Options{Logger: quiet})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.served.Wait()
	})
}

func TestShellThatPrintsTextIsNamed(t *testing.T) {
	_, err := handshake(io.Discard, strings.NewReader("Welcome to host!\n"))
	require.ErrorContains(t, err, "shell start-up file")
	require.ErrorContains(t, err, "Welc")
}

func TestLimitsAreBounded(t *testing.T) {
	for n, want := range map[uint64]int{0: 32 << 10, 1: 1 << 10, 261_120: 261_120, 1 << 62: maxReplyLength - 1<<10} {
		assert.Equal(t, want, boundLimit(n, 32<<10), n)
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

func TestWithoutBulkChannels(t *testing.T) {
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req.(type) {
		case *sshfx.OpenPacket:
			return &sshfx.HandlePacket{Handle: "h"}
		case *sshfx.StatPacket, *sshfx.FStatPacket:
			return attrsPacket(regular, 8<<20)
		}
		return status(StatusOK)
	})
	c := s.connect(t, Options{BulkChannels: -1})
	f, _, err := c.Open(t.Context(), "/a", Write, 0)
	require.NoError(t, err)
	f.Write(make([]byte, 8<<20), 0)
	require.NoError(t, f.Flush(t.Context()))
	assert.Len(t, s.channels, 1)
}

// stuckWriter takes the first packets and then blocks until it is let go.
type stuckWriter struct {
	io.Reader
	limit   int
	blocked chan struct{}
	free    chan struct{}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	if w.limit -= len(p); w.limit < 0 {
		close(w.blocked)
		<-w.free
		w.limit = 1 << 30
	}
	return len(p), nil
}

func (*stuckWriter) Close() error { return nil }

// A server may answer a write before it has come in whole. The data is the
// caller's again only when the connection is done with it too.
func TestEarlyReplyWaitsForThePayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replies, server := io.Pipe()
		w := &stuckWriter{Reader: replies, limit: 100, blocked: make(chan struct{}), free: make(chan struct{})}
		go func() {
			version, _ := (&sshfx.VersionPacket{Version: 3}).MarshalBinary()
			_, _ = server.Write(version)
			<-w.blocked
			header, payload, _ := status(StatusOK).MarshalPacket(1, nil)
			_, _ = server.Write(append(header, payload...))
		}()
		ch, _, err := newChannel(w, newActivity())
		require.NoError(t, err)
		c := ch.startBulk("WRITE", "/a", &sshfx.WritePacket{Handle: "h", Data: make([]byte, 100_000)}, 100_000)
		synctest.Wait()
		select {
		case <-c.done:
			t.Error("answered while the payload is being written")
		default:
		}
		close(w.free)
		require.NoError(t, c.Wait(t.Context()))
		ch.fail(io.EOF)
		_ = server.Close()
		<-ch.done
	})
}

// A reply to a request that is still to be sent, or a second one, ends the channel.
func TestRepliesOutOfTurn(t *testing.T) {
	for name, ids := range map[string][]uint32{"not sent yet": {2}, "twice": {1, 1}, "never made": {3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				replies, server := io.Pipe()
				w := &stuckWriter{Reader: replies, limit: 100, blocked: make(chan struct{}), free: make(chan struct{})}
				go func() {
					version, _ := (&sshfx.VersionPacket{Version: 3}).MarshalBinary()
					_, _ = server.Write(version)
				}()
				ch, _, err := newChannel(w, newActivity())
				require.NoError(t, err)
				ch.startBulk("WRITE", "/a", &sshfx.WritePacket{Handle: "h", Data: make([]byte, 100_000)}, 100_000)
				<-w.blocked
				ch.start("LSTAT", "/a", &sshfx.LStatPacket{Path: "/a"})
				for _, id := range ids {
					header, payload, _ := status(StatusOK).MarshalPacket(id, nil)
					_, _ = server.Write(append(header, payload...))
				}
				_ = server.Close()
				close(w.free)
				<-ch.done
				require.ErrorIs(t, ch.err, ErrProtocol)
			})
		})
	}
}

// What a reply holds is checked, though it decodes.
func TestRepliesThatCannotBe(t *testing.T) {
	s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
		switch req.(type) {
		case *sshfx.OpenPacket:
			return &sshfx.HandlePacket{Handle: strings.Repeat("h", 257)}
		case *sshfx.LStatPacket:
			return &sshfx.AttrsPacket{Attrs: sshfx.Attributes{Flags: sshfx.AttrSize, Size: math.MaxUint64}}
		}
		return status(StatusOK)
	})
	c := s.connect(t, Options{})
	attr, err := c.Lstat(t.Context(), "/a")
	require.NoError(t, err)
	assert.EqualValues(t, math.MaxInt64, attr.Size)
	_, _, err = c.Open(t.Context(), "/a", Read, 0)
	require.ErrorIs(t, err, ErrProtocol)
	<-c.Done()
}

// What ends after its first request was carried out must not claim that nothing
// was.
func TestHalfDoneIsNotUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *Conn
		s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
			switch req.(type) {
			case *sshfx.OpenPacket:
				return &sshfx.HandlePacket{Handle: "h"}
			case *sshfx.StatPacket: // the umask has taken the permissions away
				return attrsPacket(0o100000, 0)
			case *sshfx.FSetStatPacket, *sshfx.FStatPacket:
				c.fail(io.EOF)
				return nil
			}
			return status(StatusOK)
		})
		c = s.connect(t, Options{})
		_, _, err := c.Open(t.Context(), "/a", Write|Create|Excl, 0o644)
		require.ErrorIs(t, err, ErrLost)
		require.NotErrorIs(t, afterActing(notSent(io.EOF)), ErrNotSent)
		require.ErrorIs(t, afterActing(notSent(io.EOF)), ErrLost)
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

// A server that accepts further channels and does not serve them holds nothing up
// for long.
func TestMuteChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return attrsPacket(regular, 0) })
		s.mute = true
		s.ping = func() error { return nil }
		c := s.connect(t, Options{})
		began := time.Now()
		require.Empty(t, c.bulkChannels(3))
		require.LessOrEqual(t, time.Since(began), 2*bulkTimeout)
		_, err := c.Lstat(t.Context(), "/a")
		require.NoError(t, err)
	})
}

// While further channels are about to come, a file goes on with the one it has.
func TestFileGoesOnWhileChannelsOpen(t *testing.T) {
	for flags, move := range map[OpenFlags]func(ctx context.Context, f File, p []byte, off int64) error{
		Write: func(ctx context.Context, f File, p []byte, off int64) error { return f.Write(p, off).Wait(ctx) },
		Read: func(ctx context.Context, f File, p []byte, off int64) error {
			_, err := f.ReadAt(ctx, p, off)
			return err
		},
	} {
		t.Run(fmt.Sprint(flags), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeServer(func(_ int, req sshfx.Packet) sshfx.Packet {
					switch req := req.(type) {
					case *sshfx.OpenPacket:
						return &sshfx.HandlePacket{Handle: "h"}
					case *sshfx.StatPacket, *sshfx.FStatPacket:
						return attrsPacket(regular, 1<<30)
					case *sshfx.ReadPacket:
						return &sshfx.DataPacket{Data: make([]byte, req.Length)}
					}
					return status(StatusOK)
				})
				s.mute = true
				s.ping = func() error { return nil }
				c := s.connect(t, Options{})
				f, _, err := c.Open(t.Context(), "/a", flags, 0)
				require.NoError(t, err)
				began := time.Now()
				var moves sync.WaitGroup
				for i := range 16 {
					moves.Go(func() {
						assert.NoError(t, move(t.Context(), f, make([]byte, 1<<20), int64(i)<<20))
					})
				}
				moves.Wait()
				assert.Less(t, time.Since(began), bulkTimeout)
			})
		})
	}
}
