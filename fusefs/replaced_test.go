package fusefs

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// What is opened is something else by then, since others have changed the name on
// the server: a program is told what it would be on a local disk.
func TestOpenWhatTookTheName(t *testing.T) {
	f := mount(t, nil, longTimeouts, func(o *Options) { o.NegativeTimeout = time.Hour })
	require.NoError(t, os.Mkdir(f.onServer("dir"), 0o755))
	become := map[string]func(name string) error{
		"directory":           func(name string) error { return os.Mkdir(f.onServer(name), 0o755) },
		"link to a directory": func(name string) error { return os.Symlink("dir", f.onServer(name)) },
	}
	for what, replace := range become {
		for how, flags := range map[string]int{
			"to read":   unix.O_RDONLY,
			"to write":  unix.O_WRONLY | unix.O_TRUNC,
			"to create": unix.O_WRONLY | unix.O_CREAT,
		} {
			for _, before := range []string{"file", "nothing"} {
				name := before + ", " + what + ", " + how
				if before == "file" {
					f.put(name, "")
				}
				_, _ = os.Lstat(f.onMount(name)) // and the kernel remembers
				_ = os.Remove(f.onServer(name))
				require.NoError(t, replace(name))

				fd, err := unix.Open(f.onMount(name), flags|unix.O_CLOEXEC, 0o644)
				if err == nil {
					require.NoError(t, unix.Close(fd))
				}
				switch {
				case flags != unix.O_RDONLY && (before == "file" || flags&unix.O_CREAT != 0):
					assert.Equal(t, unix.EISDIR, err, name)
				case before == "file":
					assert.NoError(t, err, name)
				default:
					assert.Equal(t, unix.ENOENT, err, name) // as the kernel remembers
				}
			}
		}
	}
}

// What the server refuses for something that is gone when it is looked for is asked
// of it again.
func TestOpenWhatIsAFileAgain(t *testing.T) {
	refusals := new(shared[int])
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{
			FS: fsys,
			OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
				if left := refusals.get(); left > 0 && flags != sftpconn.Read {
					refusals.set(left - 1)
					return nil, sftpconn.Attr{}, status(sftpconn.StatusFailure)
				}
				return fsys.Open(ctx, path, flags, mode)
			},
		}
	})
	for _, name := range []string{"new", "old"} {
		f.put("old", "")
		refusals.set(2)
		f.write(name, "text")
		assert.Equal(t, "text", f.get(name))
		assert.Zero(t, refusals.get())
	}
}

// What is made, and replaced by others before its attributes are asked for, is
// theirs.
func TestMakeWhatIsReplaced(t *testing.T) {
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{
			FS: fsys,
			MkdirFn: func(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
				if _, err := fsys.Mkdir(ctx, path, mode); err != nil {
					return sftpconn.Attr{}, err
				}
				require.NoError(t, os.Remove(path))
				require.NoError(t, os.WriteFile(path, []byte("another's"), 0o644))
				return fsys.Lstat(ctx, path)
			},
		}
	})
	assert.ErrorIs(t, os.Mkdir(f.onMount("name"), 0o755), unix.EEXIST)
	assert.Equal(t, "another's", f.read("name"))
}
