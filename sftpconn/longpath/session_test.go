package longpath_test

import (
	"context"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/longpath"
	"sftpmount/sftpconn/sftptest"
)

func start(t *testing.T, transport sftpconn.Transport) sftpconn.Session {
	conn, err := sftpconn.New(t.Context(), transport, sftpconn.Options{})
	require.NoError(t, err)
	s := longpath.Wrap(conn, transport)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// deepest makes folders until no further one has a path that Linux takes, and
// returns that of one that is deeper by another such path.
func deepest(t *testing.T, s sftpconn.Session, top string) string {
	folder := "/" + strings.Repeat("d", 200)
	path := top
	for len(path)+2*len(folder) < 7500 {
		path += folder
		_, err := s.Mkdir(t.Context(), path, 0o755)
		require.NoError(t, err, "%d bytes", len(path))
	}
	return path
}

// Every operation works beyond PATH_MAX, on both of two paths, and what is made
// there is where it should be.
func TestBeyondPathMax(t *testing.T) {
	s := start(t, sftptest.SFTPServerTransport(t))
	ctx, top := t.Context(), t.TempDir()
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(top)) })
	dir := deepest(t, s, top)
	require.Greater(t, len(dir), 7000)

	f, attr, err := s.Open(ctx, dir+"/file", sftpconn.Read|sftpconn.Write|sftpconn.Create, 0o640)
	require.NoError(t, err)
	assert.EqualValues(t, 0o640, attr.Mode&0o777)
	f.Write([]byte("content"), 0)
	require.NoError(t, f.Flush(ctx))
	attr, err = s.Lstat(ctx, dir+"/file")
	require.NoError(t, err)
	assert.EqualValues(t, 7, attr.Size)
	require.NoError(t, s.Rename(ctx, dir+"/file", top+"/near", true))
	content, err := os.ReadFile(top + "/near")
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
	require.NoError(t, f.Close(ctx))

	_, err = s.Link(ctx, top+"/near", dir+"/linked")
	require.NoError(t, err)
	_, err = s.Symlink(ctx, "linked", dir+"/link")
	require.NoError(t, err)
	target, err := s.Readlink(ctx, dir+"/link")
	require.NoError(t, err)
	assert.Equal(t, "linked", target)
	attr, err = s.Stat(ctx, dir+"/link")
	require.NoError(t, err)
	assert.True(t, attr.IsRegular())
	_, err = s.SetAttr(ctx, dir+"/linked", sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrMode, Mode: 0o600}})
	require.NoError(t, err)
	_, err = s.StatVFS(ctx, dir)
	require.NoError(t, err)
	entries, err := s.ReadDir(ctx, dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2)
	require.NoError(t, s.Rename(ctx, dir+"/link", dir+"/other", false))
	require.NoError(t, s.Remove(ctx, dir+"/other"))
	require.NoError(t, s.Remove(ctx, dir+"/linked"))
	require.NoError(t, s.Rmdir(ctx, dir))
	_, err = s.Lstat(ctx, dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Lstat(ctx, top+strings.Repeat("/x", 6000))
	require.ErrorIs(t, err, syscall.ENAMETOOLONG)
}

// A folder whose own path Linux takes shows entries whose path it does not.
func TestListingAtPathMax(t *testing.T) {
	for _, length := range []int{3838, 3840, 4000, 4095} {
		t.Run(strconv.Itoa(length), func(t *testing.T) {
			s := start(t, sftptest.SFTPServerTransport(t))
			dir := t.TempDir()
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
			for left := length - len(dir); left > 0; left = length - len(dir) {
				n := min(200, left)
				if left-n == 1 {
					n-- // a slash alone is no folder
				}
				dir += "/" + strings.Repeat("d", n-1)
				_, err := s.Mkdir(t.Context(), dir, 0o755)
				require.NoError(t, err)
			}
			name := strings.Repeat("n", 255)
			_, err := s.Mkdir(t.Context(), dir+"/"+name, 0o755)
			require.NoError(t, err)
			entries, err := s.ReadDir(t.Context(), dir)
			require.NoError(t, err)
			require.Len(t, entries, 1)
			assert.Equal(t, name, entries[0].Name)
			require.NoError(t, s.Rmdir(t.Context(), dir+"/"+name))
		})
	}
}

// What leads there is looked at first.
func TestAbsentFolder(t *testing.T) {
	s := start(t, sftptest.SFTPServerTransport(t))
	_, err := s.Lstat(t.Context(), t.TempDir()+strings.Repeat("/x", 3000))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A server that has the folder open for somebody else, or more than once, cannot
// be relied on to mean the same by its number.
func TestFolderOpenTwice(t *testing.T) {
	server := sftptest.NewServer(t, sftptest.Options{}) // in this process
	transport, err := sftptest.DialTransport(t.Context(), server.Addr())
	require.NoError(t, err)
	s := start(t, transport)
	path, folder := server.Dir(), "/"+strings.Repeat("d", 200)
	for len(path)+len(folder) <= 4095 {
		path += folder
		_, err := s.Mkdir(t.Context(), path, 0o755)
		require.NoError(t, err)
	}
	long := path + folder
	attr, err := s.Mkdir(t.Context(), long, 0o755)
	require.NoError(t, err)
	assert.True(t, attr.IsDir())
	held, err := os.Open(path)
	require.NoError(t, err)
	defer held.Close()
	_, err = s.Lstat(t.Context(), long)
	require.ErrorIs(t, err, syscall.ENAMETOOLONG)
}

// channels is a transport that remembers the channel opened last.
type channels struct {
	sftpconn.Transport

	mu   sync.Mutex
	last io.Closer
}

func (c *channels) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	channel, err := c.Transport.OpenChannel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = channel
	return channel, err
}

// A session ends as a whole, also when its channel for long paths does.
func TestEndsAsAWhole(t *testing.T) {
	transport := &channels{Transport: sftptest.SFTPServerTransport(t)}
	conn, err := sftpconn.New(t.Context(), transport, sftpconn.Options{BulkChannels: -1})
	require.NoError(t, err)
	s := longpath.Wrap(conn, transport)
	defer func() { require.NoError(t, s.Close()) }()
	_, err = s.Lstat(t.Context(), "/"+strings.Repeat("x/", 3000))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, s.Err())
	transport.mu.Lock()
	defer transport.mu.Unlock()
	require.NoError(t, transport.last.Close())
	<-s.Done()
}

// Whoever waits for the turn of a long path can give up.
func TestWaitForTheTurnEnds(t *testing.T) {
	s := start(t, sftptest.SFTPServerTransport(t))
	session := s.(*longpath.Session)
	done := session.TakeTurn()
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.Lstat(ctx, "/"+strings.Repeat("x/", 3000))
		ended <- err
	}()
	cancel()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(20 * time.Second):
		t.Fatal("it waits on")
	}
}
