package sftptest

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"sync"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"

	"sftpmount/sftpconn"
)

// RawRequest is a request as a [Scripted] server received it.
type RawRequest struct {
	Channel int // number of the channel, from 1
	Type    sshfx.PacketType
	Name    string // as Request.Type
	ID      uint32 // of INIT, the version
	Body    []byte // what follows the id

	raw    packet
	honest func(packet) (packet, error)
}

// Honest has the request executed by a server in good order, which serves the
// file system of this machine, and returns its reply: a whole packet, with its
// length word. It may be called once per request.
func (r RawRequest) Honest() ([]byte, error) { return r.honest(r.raw) }

// Answer returns what a server sends in reply to a request: any bytes, none or
// several packets. If the error is not nil, the channel ends after them. It is
// called from one goroutine per channel.
type Answer func(RawRequest) ([]byte, error)

// Scripted is a [sftpconn.Transport] without a network, whose server sends
// whatever Answer returns. It is for servers that lie.
type Scripted struct {
	Answer Answer

	wg     sync.WaitGroup
	mu     sync.Mutex
	closed bool
	pipes  []net.Conn // the server's ends
}

var _ sftpconn.Transport = (*Scripted)(nil)

// OpenChannel implements sftpconn.Transport.
func (s *Scripted) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, os.ErrClosed
	}
	backend, err := startInProcess()
	if err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	s.pipes = append(s.pipes, server)
	number := len(s.pipes)
	s.wg.Go(func() {
		s.serve(number, server, backend)
		_ = server.Close()
		_ = backend.Close()
	})
	return client, nil
}

// Ping implements sftpconn.Transport.
func (s *Scripted) Ping() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	return nil
}

// Close implements sftpconn.Transport.
func (s *Scripted) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, p := range s.pipes {
		_ = p.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func (s *Scripted) serve(number int, conn net.Conn, backend io.ReadWriter) {
	requests, replies := bufio.NewReader(conn), bufio.NewReader(backend)
	for {
		p, err := readPacket(requests)
		if err != nil {
			return
		}
		answer, last := s.Answer(RawRequest{
			Channel: number,
			Type:    p.kind(),
			Name:    p.name(),
			ID:      p.id(),
			Body:    p[9:],
			raw:     p,
			honest: func(p packet) (packet, error) {
				if _, err := backend.Write(p); err != nil {
					return nil, err
				}
				return readPacket(replies)
			},
		})
		if _, err := conn.Write(answer); err != nil || last != nil {
			return
		}
	}
}

// Reply encodes a well-formed reply to request id.
func Reply(id uint32, p interface {
	MarshalPacket(id uint32, b []byte) (header, payload []byte, err error)
},
) ([]byte, error) {
	return sshfx.ComposePacket(p.MarshalPacket(id, nil))
}
