package sftptest

import (
	"context"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// serverConn is one SSH connection to a Server.
type serverConn struct {
	server   *Server
	conn     *net.TCPConn
	number   int
	ctx      context.Context
	cancel   context.CancelFunc
	channels int // opened so far; only run counts
	wg       sync.WaitGroup
}

func newServerConn(s *Server, conn *net.TCPConn, number int) *serverConn {
	c := &serverConn{server: s, conn: conn, number: number}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *serverConn) run() {
	defer c.wg.Wait()
	defer c.cut()
	conn, channels, requests, err := ssh.NewServerConn(c.conn, c.server.config)
	if err != nil {
		return
	}
	c.wg.Go(func() { ssh.DiscardRequests(requests) }) // answers keepalive@openssh.com
	for offered := range channels {
		c.accept(offered)
	}
	_ = conn.Wait() // for the library's own goroutine
}

// cut implements peer.
func (c *serverConn) cut() {
	reset(c.conn) // first, so that nothing that cancel sets going is sent
	c.cancel()
}

// accept starts a session (RFC 4254, section 6.1).
func (c *serverConn) accept(offered ssh.NewChannel) {
	if offered.ChannelType() != "session" {
		_ = offered.Reject(ssh.UnknownChannelType, "only sessions are served")
		return
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	c.channels++
	number := c.channels
	c.wg.Go(func() { c.converse(channel, requests, number) })
}

// converse waits for the subsystem request and serves it (RFC 4254, section
// 6.5). Everything else that may be asked of a session is refused.
func (c *serverConn) converse(channel ssh.Channel, requests <-chan *ssh.Request, number int) {
	defer func() { _ = channel.Close() }()
	for request := range requests {
		var subsystem struct{ Name string }
		known := request.Type == "subsystem" &&
			ssh.Unmarshal(request.Payload, &subsystem) == nil && subsystem.Name == "sftp"
		if !known {
			_ = request.Reply(false, nil)
			continue
		}
		backend, err := c.server.startBackend()
		_ = request.Reply(err == nil, nil)
		if err != nil {
			return
		}
		defer func() { _ = backend.Close() }()
		c.wg.Go(func() { ssh.DiscardRequests(requests) })
		stop := context.AfterFunc(c.ctx, func() { _ = backend.Close() }) // ends a request that blocks
		defer stop()
		newSession(c.ctx, c.server, Request{Connection: c.number, Channel: number}, c.cut, backend).run(channel)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
		return
	}
}
