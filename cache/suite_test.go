package cache_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// newOverServer returns a cache over a connection to OpenSSH's sftp-server, and
// a directory on it.
func newOverServer(t testing.TB, opts cache.Options) (fsys *cache.FS, root string) {
	t.Helper()
	transport := sftptest.SFTPServerTransport(t)
	conn, err := sftpconn.New(t.Context(), transport, sftpconn.Options{})
	require.NoError(t, err)
	opts.Logger = slog.New(slog.DiscardHandler)
	return cache.New(conn, opts), t.TempDir()
}

// newFar is newOverServer over SSH and a link.
func newFar(t testing.TB, opts cache.Options) (fsys *cache.FS, root string, link *sftptest.Link) {
	t.Helper()
	server := sftptest.NewServer(t, sftptest.Options{OpenSSH: true})
	link = sftptest.NewLink(t, server.Addr())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	transport, err := sftptest.DialTransport(ctx, link.Addr())
	require.NoError(t, err)
	conn, err := sftpconn.New(ctx, transport, sftpconn.Options{})
	require.NoError(t, err)
	opts.Logger = slog.New(slog.DiscardHandler)
	fsys = cache.New(conn, opts)
	t.Cleanup(func() { _ = fsys.Close() })
	return fsys, server.Dir(), link
}

func TestFS(t *testing.T) {
	options := map[string]cache.Options{
		"Defaults":    {},
		"SyncWrites":  {SyncWrites: true},
		"NoReadAhead": {NoReadAhead: true},
		"Disabled":    {Disabled: true},
		"AsyncClose":  {AsyncClose: true},
	}
	for name, opts := range options {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
				fsys, root := newOverServer(t, opts)
				if opts.AsyncClose {
					return drained{fsys}, root
				}
				return fsys, root
			}, nil)
		})
	}
}
