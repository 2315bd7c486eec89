package sshdial

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var barks atomic.Int32
		w := newWatchdog(time.Second, func() { barks.Add(1) })
		time.Sleep(900 * time.Millisecond)
		w.pause()
		time.Sleep(time.Hour)
		w.resume()
		time.Sleep(900 * time.Millisecond)
		w.allow(time.Minute)
		time.Sleep(59 * time.Second)
		w.expire(w.turn - 1) // one that fired as it was stopped
		require.Zero(t, barks.Load())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, barks.Load())
		require.True(t, w.stop())
		w.resume()
		time.Sleep(time.Hour)
		require.EqualValues(t, 1, barks.Load())
	})
}
