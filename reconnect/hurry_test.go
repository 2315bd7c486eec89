package reconnect

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// While an operation waits the pauses stay short, however long the link has
// been down.
func TestWaitingOperationsHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &sftptest.Mock{}
		attempts := 0
		up := false
		dial := func(context.Context) (sftpconn.Session, error) {
			attempts++
			if attempts > 1 && !up {
				return nil, errors.New("refused")
			}
			return &sftptest.Mock{LstatFn: func(context.Context, string) (sftpconn.Attr, error) { return sftpconn.Attr{}, nil }}, nil
		}
		fs, err := New(t.Context(), func(ctx context.Context) (sftpconn.Session, error) {
			if attempts == 0 {
				attempts++
				return first, nil
			}
			return dial(ctx)
		}, Options{Hard: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, fs.Close()) }()
		first.End(errors.New("cut"))
		time.Sleep(time.Hour) // nobody waits, and the pauses are long
		idle := attempts
		assert.Less(t, idle, 3600/5)

		done := make(chan error)
		go func() {
			_, err := fs.Lstat(t.Context(), "/a")
			done <- err
		}()
		time.Sleep(time.Minute)
		assert.Greater(t, attempts-idle, 30)
		up = true
		back := time.Now()
		require.NoError(t, <-done)
		assert.LessOrEqual(t, time.Since(back), hurriedPause)
	})
}
