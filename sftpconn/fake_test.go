package sftpconn

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/require"
)

// fakeServer answers the requests of all its channels from one function, which
// returns nil to leave a request unanswered. It is a Transport over net.Pipe,
// so it works in a synctest bubble.
type fakeServer struct {
	answer      func(channel int, req sshfx.Packet) sshfx.Packet
	extensions  []*sshfx.ExtensionPair
	maxChannels int           // 0: any number
	startDelay  time.Duration // before a channel's VERSION
	delay       time.Duration // before each reply; those behind it come as late, not later
	mute        bool          // channels other than the first never say one
	ping        func() error

	mu       sync.Mutex
	channels []net.Conn
	asked    int // for channels, how many times
	closed   chan struct{}
	served   sync.WaitGroup
}

func newFakeServer(answer func(int, sshfx.Packet) sshfx.Packet, extensions ...string) *fakeServer {
	s := &fakeServer{answer: answer, closed: make(chan struct{})}
	for _, name := range extensions {
		s.extensions = append(s.extensions, &sshfx.ExtensionPair{Name: name, Data: "1"})
	}
	return s
}

func (s *fakeServer) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	n := len(s.channels)
	if s.maxChannels > 0 && n >= s.maxChannels {
		return nil, errors.New("no more sessions")
	}
	ours, theirs := net.Pipe()
	s.channels = append(s.channels, theirs)
	s.served.Add(1)
	go s.serve(n, theirs)
	return ours, nil
}

func (s *fakeServer) serve(n int, conn net.Conn) {
	defer s.served.Done()
	defer conn.Close()
	var hello sshfx.InitPacket
	if hello.ReadFrom(conn, nil, maxReplyLength) != nil {
		return
	}
	s.mu.Lock()
	mute := s.mute
	s.mu.Unlock()
	if mute && n > 0 {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	time.Sleep(s.startDelay)
	version, err := (&sshfx.VersionPacket{Version: 3, Extensions: s.extensions}).MarshalBinary()
	if err != nil {
		panic(err)
	}
	if _, err := conn.Write(version); err != nil {
		return
	}
	// Replies have a goroutine of their own: the client may go on sending
	// while it is told something.
	type reply struct {
		packet []byte
		due    time.Time
	}
	replies := make(chan reply, 1000)
	defer close(replies)
	s.served.Add(1)
	go func() {
		defer s.served.Done()
		for r := range replies {
			time.Sleep(time.Until(r.due))
			_, _ = conn.Write(r.packet)
		}
	}()
	for {
		var req sshfx.RequestPacket
		if req.ReadFrom(conn, nil, maxReplyLength) != nil {
			return
		}
		due := time.Now().Add(s.delay)
		answer := s.answer(n, req.Request)
		if answer == nil {
			continue
		}
		header, payload, err := answer.MarshalPacket(req.RequestID, nil)
		if err != nil {
			panic(err)
		}
		replies <- reply{append(header, payload...), due}
	}
}

func (s *fakeServer) Ping() error {
	if s.ping != nil {
		return s.ping()
	}
	<-s.closed
	return errors.New("closed")
}

func (s *fakeServer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	for _, c := range s.channels {
		_ = c.Close()
	}
	return nil
}

// connect starts a Conn on s and ends both with the test.
func (s *fakeServer) connect(t *testing.T, opts Options) *Conn {
	if opts.Logger == nil {
		opts.Logger = quiet
	}
	c, err := New(t.Context(), s, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = c.Close()
		s.served.Wait()
	})
	return c
}

// openedBulk returns n bulk channels once they are open, or as many as the server
// allows. Each is kept open until letGo.
func openedBulk(c *Conn, n int) []*channel {
	for _, ch := range c.bulkChannels(n) {
		_ = ch.awaitReady()
		c.letGo(ch)
	}
	c.mu.Lock()
	for len(c.bulk.coming) > 0 {
		c.bulk.grown.Wait()
	}
	c.mu.Unlock()
	return c.bulkChannels(n)
}

func status(code StatusCode) sshfx.Packet {
	return &sshfx.StatusPacket{StatusCode: sshfx.Status(code), ErrorMessage: "said so"}
}

func attrsPacket(mode uint32, size int) sshfx.Packet {
	return &sshfx.AttrsPacket{Attrs: sshfx.Attributes{
		Flags: uint32(AttrAll), Size: uint64(size), Permissions: sshfx.FileMode(mode), MTime: 1,
	}}
}

// bigFile answers for a file of 1 GiB, which holds zeros at every path.
func bigFile(_ int, req sshfx.Packet) sshfx.Packet {
	switch req := req.(type) {
	case *sshfx.OpenPacket:
		return &sshfx.HandlePacket{Handle: "h"}
	case *sshfx.StatPacket, *sshfx.FStatPacket:
		return attrsPacket(regular, 1<<30)
	case *sshfx.ReadPacket:
		return &sshfx.DataPacket{Data: make([]byte, req.Length)}
	}
	return status(StatusOK)
}
