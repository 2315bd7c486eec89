package sshdial

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// stream is a Transport without channels: what it carries is SFTP itself.
type stream struct {
	conn  io.ReadWriteCloser
	taken atomic.Bool
}

// errOneChannel is how a stream refuses further channels.
var errOneChannel = errors.New("a connection of this kind carries one channel")

// OpenChannel returns the stream, the first time.
func (s *stream) OpenChannel(context.Context) (io.ReadWriteCloser, error) {
	if s.taken.Swap(true) {
		return nil, errOneChannel
	}
	return s.conn, nil
}

// Ping can ask nobody but the SFTP server.
func (s *stream) Ping() error { return errors.ErrUnsupported }

// Close implements [Transport].
func (s *stream) Close() error {
	if conn, ok := s.conn.(net.Conn); ok {
		discardUnsent(conn)
	}
	return s.conn.Close()
}
