package cache

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestSameQuestionsAreAskedOnce(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", nil)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_, err := f.Lstat(t.Context(), "/d/a")
				assert.NoError(t, err)
			})
			wg.Go(func() {
				entries, err := f.ReadDir(t.Context(), "/d")
				assert.NoError(t, err)
				assert.Len(t, entries, 1)
			})
		}
		wg.Wait()
		assert.Equal(t, 1, s.count("LSTAT"))
		assert.Equal(t, 1, s.count("READDIR"))
	})
}

// Who leaves disturbs nobody; when the last one leaves, the request ends.
func TestWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended error
		answer := make(chan struct{})
		f := New(&sftptest.Mock{
			LstatFn: func(ctx context.Context, _ string) (sftpconn.Attr, error) {
				select {
				case <-ctx.Done():
					ended = ctx.Err()
				case <-answer:
				}
				return sftpconn.Attr{}, ended
			},
			CloseFn: func() error { return nil },
		}, Options{})
		first, leaveFirst := context.WithCancel(t.Context())
		second, leaveSecond := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, ctx := range []context.Context{first, second} {
			wg.Go(func() {
				_, err := f.Lstat(ctx, "/a")
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		synctest.Wait()
		leaveFirst()
		synctest.Wait()
		require.NoError(t, ended)
		leaveSecond()
		wg.Wait()
		synctest.Wait()
		require.ErrorIs(t, ended, context.Canceled)
		ended = nil
		wg.Go(func() {
			_, err := f.Lstat(t.Context(), "/a")
			assert.NoError(t, err)
		})
		synctest.Wait()
		close(answer)
		wg.Wait()
		require.NoError(t, f.Close())
	})
}

// An interrupted caller asks the layers below with its own context, which tells
// them of the interrupt. Others are not disturbed.
func TestInterruptedCallerAsksForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(&sftptest.Mock{
			LstatFn: func(ctx context.Context, _ string) (sftpconn.Attr, error) {
				select {
				case <-sftpconn.Interrupt(ctx):
					return sftpconn.Attr{}, context.DeadlineExceeded // some error of its own
				case <-time.After(time.Minute):
					return sftpconn.Attr{Size: 7}, nil
				}
			},
			CloseFn: func() error { return nil },
		}, Options{})
		interrupt := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := f.Lstat(sftpconn.WithInterrupt(t.Context(), interrupt), "/a")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()
		wg.Go(func() {
			attr, err := f.Lstat(t.Context(), "/a")
			assert.NoError(t, err)
			assert.EqualValues(t, 7, attr.Size)
		})
		synctest.Wait()
		close(interrupt)
		wg.Wait()
		require.NoError(t, f.Close())
	})
}

func TestCloseEndsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(&sftptest.Mock{
			ReadDirFn: func(ctx context.Context, _ string) ([]sftpconn.DirEntry, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
			CloseFn: func() error { return nil },
		}, Options{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := f.ReadDir(t.Context(), "/a")
			assert.Error(t, err)
		})
		synctest.Wait()
		require.NoError(t, f.Close())
		wg.Wait()
		_, err := f.ReadDir(t.Context(), "/a")
		require.Error(t, err)
	})
}

// A panic in a request reaches those who asked, as if they had made it
// themselves, and nobody waits for ever.
func TestPanicReachesWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		explode := true
		f := New(&sftptest.Mock{
			LstatFn: func(context.Context, string) (sftpconn.Attr, error) {
				time.Sleep(time.Second)
				if explode {
					panic("boom")
				}
				return sftpconn.Attr{}, nil
			},
			CloseFn: func() error { return nil },
		}, Options{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				defer func() {
					assert.Regexp(t, `(?s)^boom\n.*flights_test\.go`, recover())
				}()
				_, _ = f.Lstat(t.Context(), "/a")
			})
		}
		wg.Wait()
		explode = false
		_, err := f.Lstat(t.Context(), "/a")
		require.NoError(t, err)
		require.NoError(t, f.Close())
	})
}
