package cache_test

import (
	"log/slog"
	"testing"

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

func TestFS(t *testing.T) {
	options := map[string]cache.Options{
		"Defaults":    {},
		"SyncWrites":  {SyncWrites: true},
		"NoReadAhead": {NoReadAhead: true},
		"Disabled":    {Disabled: true},
	}
	for name, opts := range options {
		t.Run(name, func(t *testing.T) {
			sftptest.TestFS(t, func(t *testing.T) (sftpconn.FS, string) {
				return newOverServer(t, opts)
			}, sftptest.SuiteOptions{})
		})
	}
}
