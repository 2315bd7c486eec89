package reconnect

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// A drop, the failed attempts and the return are logged; the attempts once a
// minute for as long as they fail for the same reason, from whichever port.
func TestLogOfDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		server := &fakeServer{t: t}
		port := 40_000
		dial := func(ctx context.Context) (sftpconn.Session, error) {
			session, err := server.dial(ctx)
			if err != nil {
				port++
				err = fmt.Errorf("read tcp 127.0.0.1:%d: %w", port, err)
			}
			return session, err
		}
		f, err := New(context.Background(), dial, Options{
			Hard:           true,
			NetworkChanges: make(chan struct{}),
			Logger:         slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		server.set(errRefused, false)
		server.current().cut()
		time.Sleep(10 * time.Minute)
		server.set(nil, false)
		require.NoError(t, stat(t.Context(), f))
		require.NoError(t, f.Close())

		assert.Equal(t, 1, strings.Count(log.String(), "the connection to the server was lost"))
		assert.Equal(t, 1, strings.Count(log.String(), "connected to the server again"))
		attempts := strings.Count(log.String(), "could not reconnect")
		assert.GreaterOrEqual(t, attempts, 8)
		assert.LessOrEqual(t, attempts, 11)
	})
}
