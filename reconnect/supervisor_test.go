package reconnect

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var errRefused = errors.New("connection refused")

func TestFirstDialFails(t *testing.T) {
	f, err := New(t.Context(), func(context.Context) (sftpconn.Session, error) { return nil, errRefused }, Options{})
	require.Nil(t, f)
	require.Equal(t, errRefused, err)
}

func TestRedialAtOnceAfterDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{})
		time.Sleep(time.Minute)
		start := time.Now()
		server.current().cut()
		require.NoError(t, stat(t.Context(), f))
		assert.Zero(t, time.Since(start))
		status := f.Status()
		require.EqualError(t, status.LastError, "cut")
		status.LastError = nil
		assert.Equal(t, Status{State: Up, Since: start, Connection: 2, FailedAt: start}, status)
	})
}

func TestShortConnectionsAreNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{})
		start := time.Now()
		for range 20 {
			server.current().cut()
			require.NoError(t, stat(t.Context(), f))
		}
		assert.Greater(t, time.Since(start), 30*time.Second)
	})
}

func TestBackoffGrowsToItsMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{BackoffInitial: 100 * time.Millisecond, BackoffMax: 10 * time.Second})
		time.Sleep(time.Minute)
		server.set(errRefused, false)
		down := time.Now()
		server.current().cut()
		time.Sleep(5 * time.Minute)
		at := server.since(down)
		require.Greater(t, len(at), 20)
		assert.Zero(t, at[0])
		assert.LessOrEqual(t, at[1], 160*time.Millisecond)
		assert.Less(t, len(at), 60)
		for i := len(at) - 10; i < len(at)-1; i++ {
			assert.InDelta(t, 10*time.Second, at[i+1]-at[i], float64(5*time.Second+2*time.Millisecond))
		}
		status := f.Status()
		assert.Equal(t, Waiting, status.State)
		assert.Equal(t, "waiting", status.State.String())
		assert.Equal(t, down, status.Since)
		assert.Equal(t, errRefused, status.LastError)
		assert.Equal(t, len(at), status.Attempts)
		assert.WithinRange(t, status.FailedAt, time.Now().Add(-15*time.Second), time.Now())
		assert.WithinRange(t, status.Next, time.Now(), time.Now().Add(15*time.Second))

		server.set(nil, false)
		time.Sleep(time.Minute)
		after := f.Status()
		assert.Equal(t, Up, after.State)
		assert.Equal(t, 2, after.Connection)
		assert.Zero(t, after.Next)
		assert.Equal(t, status.LastError, after.LastError, "what went wrong stays known")
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{Timeout: 30 * time.Second})
		time.Sleep(time.Minute)
		server.set(errRefused, false)
		down := time.Now()
		server.current().cut()
		time.Sleep(10 * time.Second)
		require.ErrorIs(t, stat(t.Context(), f), syscall.ETIMEDOUT)
		assert.Equal(t, 30*time.Second, time.Since(down))

		time.Sleep(time.Hour)
		before := time.Now()
		require.ErrorIs(t, stat(t.Context(), f), syscall.ETIMEDOUT)
		assert.Zero(t, time.Since(before), "fails at once while the link stays down")

		server.set(nil, false)
		time.Sleep(time.Minute)
		require.NoError(t, stat(t.Context(), f), "works again by itself")
	})
}

func TestHardWaitsForAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{Hard: true})
		server.set(errRefused, false)
		server.current().cut()
		time.AfterFunc(2*time.Hour, func() { server.set(nil, false) })
		require.NoError(t, stat(t.Context(), f))
	})
}

func TestHardWaitEndsOnSignalAndContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{Hard: true})
		server.set(errRefused, false)
		server.current().cut()

		interrupt := make(chan struct{})
		time.AfterFunc(time.Hour, func() { close(interrupt) })
		start := time.Now()
		err := stat(sftpconn.WithInterrupt(t.Context(), interrupt), f)
		require.ErrorIs(t, err, syscall.EINTR)
		assert.Equal(t, time.Hour, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, stat(ctx, f), context.DeadlineExceeded)
	})
}

func TestSignalDoesNotDisturbLiveConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{})
		server.current().lstat = func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		}
		interrupt := make(chan struct{})
		close(interrupt)
		require.NoError(t, stat(sftpconn.WithInterrupt(t.Context(), interrupt), f))
	})
}

func TestCloseEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{Hard: true})
		server.set(nil, true)
		server.current().cut()
		failed := make(chan error)
		for range 3 {
			go func() { failed <- stat(t.Context(), f) }()
		}
		time.Sleep(10 * time.Second) // a dial hangs by now
		start := time.Now()
		require.NoError(t, f.Close())
		for range 3 {
			require.ErrorIs(t, <-failed, sftpconn.ErrNotSent)
		}
		assert.Zero(t, time.Since(start))
		assert.Zero(t, server.dialing.Load())
		assert.Equal(t, Closed, f.Status().State)
		require.ErrorIs(t, stat(t.Context(), f), sftpconn.ErrNotSent)
		require.NoError(t, f.Close())
	})
}

func TestCloseEndsRequestsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{})
		session := server.current()
		session.lstat = session.silent
		failed := make(chan error)
		go func() { failed <- stat(t.Context(), f) }()
		synctest.Wait()
		require.NoError(t, f.Close())
		require.ErrorIs(t, <-failed, sftpconn.ErrNotSent)
	})
}

func TestDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{Disabled: true})
		require.NoError(t, stat(t.Context(), f))
		start := time.Now()
		server.current().cut()
		require.ErrorIs(t, stat(t.Context(), f), syscall.EIO)
		time.Sleep(time.Hour)
		require.ErrorIs(t, stat(t.Context(), f), syscall.EIO)
		assert.Empty(t, server.since(start.Add(1)))
		assert.Equal(t, Closed, f.Status().State)
	})
}

func TestPermanentErrorIsNotRetriedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := make(chan struct{})
		_, server := newFake(t, Options{
			BackoffMax:     time.Minute,
			NetworkChanges: network,
			Permanent:      func(err error) bool { return errors.Is(err, errRefused) },
		})
		time.Sleep(time.Minute)
		server.set(errRefused, false)
		down := time.Now()
		server.current().cut()
		for range 99 { // does not bring the next attempt forward
			time.Sleep(6 * time.Second)
			network <- struct{}{}
		}
		at := server.since(down)
		assert.Zero(t, at[0])
		assert.LessOrEqual(t, len(at), 11)
		for i := range len(at) - 1 {
			assert.GreaterOrEqual(t, at[i+1]-at[i], time.Minute)
		}
	})
}

// A change of the network brings the next attempt forward, and ends one that hangs.
func TestNetworkChangeBringsAttemptForward(t *testing.T) {
	for name, test := range map[string]struct {
		opts   Options
		err    error // of attempts; without one they hang
		within time.Duration
	}{
		"pause": {Options{BackoffMax: time.Hour, BackoffInitial: 30 * time.Minute}, errRefused, time.Second},
		"hang":  {Options{DialTimeout: time.Hour}, nil, hangPatience + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := make(chan struct{})
				test.opts.Hard, test.opts.NetworkChanges = true, network
				f, server := newFake(t, test.opts)
				time.Sleep(time.Minute)
				server.set(test.err, test.err == nil)
				server.current().cut()
				time.Sleep(10 * time.Minute)
				server.set(nil, false)
				start := time.Now()
				network <- struct{}{}
				require.NoError(t, stat(t.Context(), f))
				assert.Less(t, time.Since(start), test.within)
			})
		})
	}
}

func TestNetworkChangesInFlocksDoNotMakeItHot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := make(chan struct{})
		_, server := newFake(t, Options{NetworkChanges: network})
		server.set(errRefused, false)
		down := time.Now()
		server.current().cut()
		for range 10_000 {
			time.Sleep(time.Millisecond)
			network <- struct{}{}
		}
		assert.LessOrEqual(t, len(server.since(down)), 40)
	})
}

func TestNetworkChangeProbesConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := make(chan struct{})
		f, server := newFake(t, Options{NetworkChanges: network})
		time.Sleep(time.Minute)

		network <- struct{}{}
		synctest.Wait()
		assert.Equal(t, 1, f.Status().Connection, "one that answers stays")

		session := server.current()
		session.lstat = session.silent
		start := time.Now()
		network <- struct{}{}
		require.NoError(t, stat(t.Context(), f))
		assert.Equal(t, probeTimeout, time.Since(start))
		assert.Equal(t, 2, f.Status().Connection)
	})
}

func TestSlept(t *testing.T) {
	assert.False(t, slept(5*time.Second, 5*time.Second))
	assert.False(t, slept(6*time.Second, 5*time.Second))
	assert.False(t, slept(-time.Hour, 5*time.Second), "the wall clock was set back")
	assert.True(t, slept(time.Hour, 5*time.Second))
}

// A request that ends every connection it is sent on must not go on for ever.
func TestPoisonousRequestIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{})
		start := time.Now()
		_, err := run(t.Context(), f.sup, opReadDir, func(l *link) (nothing, error) {
			_ = l.Close()
			return nothing{}, sftpconn.ErrLost
		}, nil)
		require.ErrorIs(t, err, syscall.ETIMEDOUT)
		assert.Greater(t, time.Since(start), time.Minute)
		assert.Less(t, len(server.since(start)), 30)
		require.NoError(t, stat(t.Context(), f))
	})
}

// A session that fails a request as lost but does not end is ended.
func TestHalfDeadSessionIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, server := newFake(t, Options{})
		server.current().lstat = func(context.Context) error { return sftpconn.ErrLost }
		require.NoError(t, stat(t.Context(), f))
		assert.Equal(t, 2, f.Status().Connection)
	})
}

func TestNetworkNews(t *testing.T) {
	news, err := openNetworkNews()
	if err != nil {
		t.Skip("no news of the network here:", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := news.Read(make([]byte, 1))
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond)
	require.NoError(t, news.Close())
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Close does not end Read")
	}
}

// With Delay nothing is dialled before an operation needs it, however much later
// that is, and the operation has its whole time then.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		f, err := New(t.Context(), func(context.Context) (sftpconn.Session, error) {
			if dials++; dials < 3 {
				return nil, errRefused
			}
			return newFakeSession(), nil
		}, Options{Delay: true, NetworkChanges: make(chan struct{})})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		assert.Zero(t, dials)
		assert.Equal(t, Asleep, f.Status().State)
		require.NoError(t, stat(t.Context(), f))
		assert.Equal(t, 3, dials)
		assert.Equal(t, Up, f.Status().State)
		require.NoError(t, f.Close())
	})
}

func TestDelayedIsNeverNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := New(t.Context(), nil, Options{Delay: true, NetworkChanges: make(chan struct{})})
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.ErrorIs(t, stat(t.Context(), f), sftpconn.ErrNotSent)
		assert.Equal(t, "closed", f.Status().State.String())
	})
}
