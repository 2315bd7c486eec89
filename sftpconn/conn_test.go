package sftpconn

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// A server that accepts further channels and does not serve them holds nothing up
// for long.
func TestMuteChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return attrsPacket(regular, 0) })
		s.mute = true
		s.ping = func() error { return nil }
		c := s.connect(t, Options{})
		began := time.Now()
		require.Empty(t, openedBulk(c, 3))
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
				s := newFakeServer(bigFile)
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
