package reconnect

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// testTimeout is the deadline of a test against a server.
const testTimeout = 20 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// dialer returns what dials addr with the real client.
func dialer(addr string) func(context.Context) (sftpconn.Session, error) {
	return func(ctx context.Context) (sftpconn.Session, error) {
		transport, err := sftptest.DialTransport(ctx, addr)
		if err != nil {
			return nil, err
		}
		return sftpconn.New(ctx, transport, sftpconn.Options{Logger: slog.New(slog.DiscardHandler)})
	}
}

// quick makes an FS redial at the pace of a test.
func quick(opts Options) Options {
	opts.BackoffInitial = 2 * time.Millisecond
	opts.BackoffMax = 50 * time.Millisecond
	opts.NetworkChanges = make(chan struct{})
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return opts
}

// dialServer returns an FS on the server.
func dialServer(t *testing.T, server *sftptest.Server, opts Options) *FS {
	t.Helper()
	f, err := New(testContext(t), dialer(server.Addr()), quick(opts))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// drop ends the connections and returns when the FS knows, so that what is
// started next finds none.
func drop(t *testing.T, server *sftptest.Server, f *FS) {
	t.Helper()
	before := f.Status().Connection
	server.Drop()
	require.Eventually(t, func() bool {
		status := f.Status()
		return status.State != Up || status.Connection > before
	}, testTimeout, time.Millisecond)
}
