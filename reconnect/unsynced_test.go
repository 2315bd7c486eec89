package reconnect

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// What the server acknowledged and does not have after a drop is told of once,
// unless it was synced before, or the size was set here.
func TestServerThatLosesData(t *testing.T) {
	cutBy := func(by func(m *mount, size sftpconn.SetAttr) error) func(m *mount) error {
		return func(m *mount) error {
			return by(m, sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 3}})
		}
	}
	for name, test := range map[string]struct {
		flags sftpconn.OpenFlags
		after func(m *mount) error // the write
		lost  int64
	}{
		"write":  {readWrite, nil, 9},
		"append": {readWrite | sftpconn.Append, nil, 12},
		"synced": {readWrite, func(m *mount) error { return m.h.Sync(m.ctx) }, 0},
		"synced, and written to again": {readWrite, func(m *mount) error {
			if err := m.h.Sync(m.ctx); err != nil {
				return err
			}
			return m.h.Write([]byte("x"), 4).Wait(m.ctx)
		}, 2},
		"synced on its way": {readWrite, func(m *mount) error {
			p := m.h.Write([]byte("12345"), 20)
			return errors.Join(m.h.Sync(m.ctx), p.Wait(m.ctx))
		}, 0},
		"ftruncate": {readWrite, cutBy(func(m *mount, size sftpconn.SetAttr) error { return m.h.SetAttr(size).Wait(m.ctx) }), 0},
		"truncate": {readWrite, cutBy(func(m *mount, size sftpconn.SetAttr) error {
			_, err := m.fs.SetAttr(m.ctx, m.dir+"/file", size)
			return err
		}), 0},
		"ftruncate of another": {readWrite, cutBy(func(m *mount, size sftpconn.SetAttr) error {
			return m.open("file", readWrite).SetAttr(size).Wait(m.ctx)
		}), 0},
		"O_TRUNC": {readWrite, func(m *mount) error {
			return m.open("file", sftpconn.Write|sftpconn.Truncate).Close(m.ctx)
		}, 0},
		"grown": {readWrite, func(m *mount) error {
			size := sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 100}
			return m.h.SetAttr(sftpconn.SetAttr{Attr: size}).Wait(m.ctx)
		}, 97},
	} {
		t.Run(name, func(t *testing.T) {
			var lost atomic.Int64
			m := newMount(t, test.flags, Options{OnLoss: func(_ string, bytes int64) { lost.Add(bytes) }})
			require.NoError(t, m.h.Write([]byte("12345"), 7).Wait(m.ctx))
			require.NoError(t, m.h.Flush(m.ctx))
			if test.after != nil {
				require.NoError(t, test.after(m))
			}
			require.NoError(t, os.Truncate(m.dir+"/file", 3))
			for range 2 {
				m.drop()
				_, err := m.read(m.h)
				require.NoError(t, err)
			}
			assert.Equal(t, test.lost, lost.Load())
			if test.lost > 0 {
				require.ErrorIs(t, m.h.Flush(m.ctx), syscall.EIO)
			}
			require.NoError(t, m.h.Flush(context.Background()))
		})
	}
}
