package sftpconn

import (
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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

func TestLongMessagesAreCut(t *testing.T) {
	s := newFakeServer(func(int, sshfx.Packet) sshfx.Packet {
		return &sshfx.StatusPacket{StatusCode: sshfx.StatusFailure, ErrorMessage: strings.Repeat("no ", 100_000)}
	})
	_, err := s.connect(t, Options{}).Lstat(t.Context(), "/a")
	require.ErrorContains(t, err, "no no no")
	assert.Less(t, len(err.Error()), 500)
}

func TestShellThatPrintsTextIsNamed(t *testing.T) {
	_, err := readVersion(strings.NewReader("Welcome to host!\n"))
	require.ErrorContains(t, err, "shell start-up file")
	require.ErrorContains(t, err, "Welc")
}

func TestLimitsAreBounded(t *testing.T) {
	for n, want := range map[uint64]int{0: 32 << 10, 1: 1 << 10, 261_120: 261_120, 1 << 62: maxReplyLength - 1<<10} {
		assert.Equal(t, want, boundLimit(n, 32<<10), n)
	}
}

// brokenPipe is a channel on which nothing can be sent, and nothing is read.
type brokenPipe struct{ closed chan struct{} }

func (p brokenPipe) Read([]byte) (int, error)  { <-p.closed; return 0, io.EOF }
func (p brokenPipe) Write([]byte) (int, error) { return 0, io.EOF }
func (p brokenPipe) Close() error              { close(p.closed); return nil }

// A server without SFTP is named, whether sending or reading fails first.
func TestServerThatTakesNothingIsNamed(t *testing.T) {
	rwc := brokenPipe{make(chan struct{})}
	ch := newChannel(func() (io.ReadWriteCloser, error) { return rwc, nil }, newActivity())
	require.ErrorIs(t, ch.awaitReady(), ErrNoServer)
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

// startedChannel returns a channel on rwc whose server has said its version, and
// may have ended it since.
func startedChannel(rwc io.ReadWriteCloser) *channel {
	ch := newChannel(func() (io.ReadWriteCloser, error) { return rwc, nil }, newActivity())
	<-ch.ready
	return ch
}

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
		ch := startedChannel(w)
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
				ch := startedChannel(w)
				ch.startBulk("WRITE", "/a", &sshfx.WritePacket{Handle: "h", Data: make([]byte, 100_000)}, 100_000)
				<-w.blocked
				ch.start("LSTAT", "/a", &sshfx.LStatPacket{Path: "/a"})
				for _, id := range ids {
					header, payload, _ := status(StatusOK).MarshalPacket(id, nil)
					_, _ = server.Write(append(header, payload...))
				}
				synctest.Wait()
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
