package main

import (
	"net"

	"golang.org/x/crypto/ssh"

	"sftpmount/cmd/sftpmount/internal/status"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sshdial"
)

// A connection is one that was made to the server, for status to tell of.
type connection struct {
	route     *route
	transport sftpconn.Transport
	conn      *sftpconn.Conn
}

// describe never waits for the server.
func (c *connection) describe() status.Remote {
	s := c.conn.Status()
	remote := status.Remote{
		Host:       c.route.host,
		User:       c.route.user,
		Extensions: s.Extensions,
		MaxRead:    s.MaxRead,
		MaxWrite:   s.MaxWrite,
		RoundTrip:  s.RoundTrip.Seconds(),
		Channels:   s.Channels,
		InFlight:   s.InFlight,
		Silence:    s.Silence.Seconds(),
	}
	first := sshdial.First(c.transport)
	if t, ok := first.(interface{ ServerVersion() string }); ok {
		remote.Software = t.ServerVersion()
	}
	if t, ok := first.(interface{ RemoteAddr() net.Addr }); ok {
		remote.Address = t.RemoteAddr().String()
	}
	if t, ok := first.(interface {
		Algorithms() ssh.NegotiatedAlgorithms
	}); ok {
		agreed := t.Algorithms()
		remote.Cipher = agreed.Write.Cipher
		remote.KeyExchange, remote.HostKey = agreed.KeyExchange, agreed.HostKey
	}
	return remote
}
