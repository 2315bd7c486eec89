package sftpconn_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestConnOverOpenSSH(t *testing.T) {
	sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
		return startConn(t, sftptest.SFTPServerTransport(t)), t.TempDir()
	}, nil)
}

func TestConnOverSSH(t *testing.T) {
	sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
		server := sftptest.NewServer(t, sftptest.Options{})
		return dialConn(t, server.Addr()), server.Dir()
	}, sftptest.PkgSFTPLacks())
}

func TestConnOverDelayedSSH(t *testing.T) {
	sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
		server := sftptest.NewServer(t, sftptest.Options{})
		link := sftptest.NewLink(t, server.Addr())
		link.SetDelay(5 * time.Millisecond)
		return dialConn(t, link.Addr()), server.Dir()
	}, sftptest.PkgSFTPLacks())
}

func dialConn(t *testing.T, addr string) *sftpconn.Conn {
	transport, err := sftptest.DialTransport(t.Context(), addr)
	require.NoError(t, err)
	return startConn(t, transport)
}

func startConn(t *testing.T, transport sftpconn.Transport) *sftpconn.Conn {
	conn, err := sftpconn.New(t.Context(), transport, sftpconn.Options{})
	require.NoError(t, err)
	return conn
}

func TestConnOverHostileServer(t *testing.T) {
	sftptest.TestHostile(t, func(ctx context.Context, transport sftpconn.Transport) (sftpconn.FS, error) {
		return sftpconn.New(ctx, transport, sftpconn.Options{Logger: slog.New(slog.DiscardHandler)})
	})
}
