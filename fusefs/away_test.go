package fusefs

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// awayFS is an FS whose server is away once away is set: nothing is answered.
type awayFS struct{ away shared[bool] }

func (l *awayFS) wrap(fsys sftpconn.FS) sftpconn.FS {
	wait := func(ctx context.Context) error {
		if !l.away.get() {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return &sftptest.Mock{
		FS: fsys,
		LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
			if err := wait(ctx); err != nil {
				return sftpconn.Attr{}, err
			}
			return fsys.Lstat(ctx, path)
		},
		StatVFSFn: func(ctx context.Context, path string) (sftpconn.StatVFS, error) {
			if err := wait(ctx); err != nil {
				return sftpconn.StatVFS{}, err
			}
			return fsys.StatVFS(ctx, path)
		},
	}
}

func noTimeouts(o *Options) { o.EntryTimeout, o.AttrTimeout = 0, 0 }

// umount(8) works while the server is away, whether or not somebody asked for
// anything before.
func TestUnmountWhileAway(t *testing.T) {
	l := new(awayFS)
	f := mount(t, l.wrap, noTimeouts)
	l.away.set(true)
	out, err := exec.CommandContext(f.ctx, "umount", f.mnt).CombinedOutput()
	require.NoError(t, err, "%s", out)
	f.server.Wait()
}

// What was known last is shown while the server is away.
func TestLastKnownWhileAway(t *testing.T) {
	l := new(awayFS)
	f := mount(t, l.wrap, noTimeouts)
	attr := f.stat("")
	var space, again unix.Statfs_t
	require.NoError(t, unix.Statfs(f.mnt, &space))
	l.away.set(true)
	assert.Equal(t, attr, f.stat(""))
	require.NoError(t, unix.Statfs(f.mnt, &again))
	assert.Equal(t, space, again)
}
