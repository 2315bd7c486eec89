package sftpconn

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Channels for file data are opened by need, closed when they are idle though
// files are open, and opened again. One stays, and one is for metadata.
func TestIdleChannelsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(bigFile)
		c := s.connect(t, Options{Connections: 4})
		reader, _, err := c.Open(t.Context(), "/a", Read, 0)
		require.NoError(t, err)
		writer, _, err := c.Open(t.Context(), "/b", Write, 0)
		require.NoError(t, err)
		p := make([]byte, 4<<20)
		for name, use := range map[string]func(){
			"read": func() {
				_, err := reader.ReadAt(t.Context(), p, 0)
				require.NoError(t, err)
			},
			"write": func() {
				require.NoError(t, writer.Write(p, 0).Wait(t.Context()))
			},
		} {
			for range 3 {
				use()
				synctest.Wait()
				use()
				assert.Equal(t, 5, c.Status().Channels, name)
				time.Sleep(2 * time.Second)
				assert.Equal(t, 5, c.Status().Channels, "still warm after %s", name)
				time.Sleep(15 * time.Second)
				synctest.Wait()
				assert.Equal(t, 2, c.Status().Channels, "idle after %s", name)
			}
		}
		require.NoError(t, c.Err())
		require.NoError(t, writer.Flush(t.Context()))
	})
}

// What is under way keeps a file open on its channels, though the server takes longer
// to answer than idle ones are kept.
func TestBusyFilesStayOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 20 * time.Second
		var mu sync.Mutex
		var last string
		closed := map[int]bool{} // by channel
		s := newFakeServer(func(channel int, req sshfx.Packet) sshfx.Packet {
			write, _ := req.(*sshfx.WritePacket)
			read, _ := req.(*sshfx.ReadPacket)
			if read != nil && read.Length == 2000 || write != nil && string(write.Data) == "old" {
				time.Sleep(slow)
			}
			mu.Lock()
			defer mu.Unlock()
			switch req.(type) {
			case *sshfx.OpenPacket:
				return &sshfx.HandlePacket{Handle: "h"}
			case *sshfx.StatPacket, *sshfx.FStatPacket:
				return attrsPacket(regular, 1<<30)
			case *sshfx.ClosePacket:
				closed[channel] = true
			case *sshfx.ReadPacket:
				if closed[channel] {
					return status(StatusFailure)
				}
				return &sshfx.DataPacket{Data: make([]byte, (read.Length+1)/2)}
			case *sshfx.WritePacket:
				last = string(write.Data)
			}
			return status(StatusOK)
		})
		s.ping = func() error { return nil }
		c := s.connect(t, Options{Connections: 4})

		reader, _, err := c.Open(t.Context(), "/a", Read, 0)
		require.NoError(t, err)
		p := make([]byte, 4<<20)
		for range 2 {
			_, err = reader.ReadAt(t.Context(), p, 0)
			require.NoError(t, err)
			synctest.Wait()
		}
		_, err = reader.ReadAt(t.Context(), p[:2000], 0) // in two parts
		require.NoError(t, err)

		opened, _, err := c.Open(t.Context(), "/b", Write, 0)
		require.NoError(t, err)
		writer := opened.(*file)
		require.NoError(t, writer.Write(p, 0).Wait(t.Context()))
		synctest.Wait()
		off := int64(len(p))
		for writer.changes.spread.handle(off) == 0 {
			off += writer.changes.spread.stripe
		}
		writer.Write([]byte("old"), off)
		time.Sleep(slow * 2 / 3)
		writer.Write([]byte("new"), off)
		require.NoError(t, writer.Flush(t.Context()))
		assert.Equal(t, "new", last)
	})
}

// A server that refuses a channel is asked again, after a while and not sooner. One
// that accepts channels and does not serve them is not.
func TestRefusedChannelsAreAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return status(StatusOK) })
		s.maxChannels = 2
		c := s.connect(t, Options{BulkChannels: 5, ChannelIdle: time.Hour, KeepaliveInterval: -1})
		ask := func() (channels, asked int) {
			s.mu.Lock()
			before := s.asked
			s.mu.Unlock()
			for range 10 {
				channels = len(openedBulk(c, 5))
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			return channels, s.asked - before
		}
		set := func(channels int, mute bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.maxChannels, s.mute = channels, mute
		}
		steps := func(want ...[2]int) {
			t.Helper()
			for _, w := range want {
				channels, asked := ask()
				assert.Equal(t, w, [2]int{channels, asked}, "channels, asked")
				time.Sleep(refusalPause + time.Second)
			}
		}
		synctest.Wait()
		channels, _ := ask()
		assert.Equal(t, 1, channels)
		channels, asked := ask()
		assert.Equal(t, [2]int{1, 0}, [2]int{channels, asked}, "at once")
		time.Sleep(refusalPause + time.Second)
		steps([2]int{1, 2}, [2]int{1, 2})
		set(4, false)
		steps([2]int{3, 2})
		set(0, true)
		steps([2]int{3, 2}, [2]int{3, 0}, [2]int{3, 0})
	})
}

// deaf are channels that a server leaves open though they were closed here.
type deaf struct{ *fakeServer }

type deafChannel struct{ io.ReadWriteCloser }

func (deafChannel) Close() error { return nil }

func (s deaf) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	channel, err := s.fakeServer.OpenChannel(ctx)
	return deafChannel{channel}, err
}

// A server that does not close what is closed here gets no further channels without
// end: each takes memory, and counts on the server.
func TestChannelsThatAreNotClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet { return status(StatusOK) })
		s.ping = func() error { return nil }
		c, err := New(t.Context(), deaf{s}, Options{BulkChannels: 5, Logger: quiet})
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close()) }()
		for range 10 {
			for _, ch := range openedBulk(c, 3) {
				c.letGo(ch)
			}
			time.Sleep(time.Minute)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.LessOrEqual(t, s.asked, 1+2*5)
	})
}
