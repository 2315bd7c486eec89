package main

import (
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
	if client, ok := sshdial.First(c.transport).(*sshdial.Client); ok {
		remote.Software = client.ServerVersion()
		remote.Address = client.RemoteAddr().String()
		agreed := client.Algorithms()
		remote.Cipher = agreed.Write.Cipher
		remote.KeyExchange, remote.HostKey = agreed.KeyExchange, agreed.HostKey
	}
	return remote
}
