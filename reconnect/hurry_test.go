package reconnect

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// While an operation waits the pauses stay short, however long the link has
// been down.
func TestWaitingOperationsHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{Hard: true})
		server.set(errCut, false)
		server.current().cut()
		time.Sleep(time.Hour)
		begun := time.Now()
		assert.Less(t, len(server.since(begun.Add(-time.Hour))), 3600/5, "nobody waited")

		done := make(chan error, 1)
		go func() { done <- stat(t.Context(), f) }()
		time.Sleep(time.Minute)
		assert.Greater(t, len(server.since(begun)), 30)
		server.set(nil, false)
		back := time.Now()
		require.NoError(t, <-done)
		assert.LessOrEqual(t, time.Since(back), hurriedPause)
	})
}
