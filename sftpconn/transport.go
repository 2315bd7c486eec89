package sftpconn

import (
	"context"
	"io"
)

// Transport is a way to a server that can carry several SFTP channels. An SSH
// connection is one: each channel is a session with the sftp subsystem.
type Transport interface {
	// OpenChannel starts a channel that speaks SFTP from its first byte on.
	// A server that refuses a further channel (MaxSessions) is answered by
	// going on with those there are.
	OpenChannel(ctx context.Context) (io.ReadWriteCloser, error)

	// Ping makes one round trip, and fails if the peer is dead. It may
	// block for as long as the peer is silent. It returns
	// [errors.ErrUnsupported] where there is no peer but the SFTP server.
	Ping() error

	// Close ends the connection at once, without waiting for the peer. All
	// that is blocked in the Transport or in its channels then returns.
	Close() error
}
