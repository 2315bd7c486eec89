package integration

import (
	"crypto/rand"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn/sftptest"
)

// The server copies what is copied within the mount: next to nothing passes the
// link. Where it cannot, the data passes.
func TestServerSideCopy(t *testing.T) {
	t.Parallel()
	const size = 66 << 20
	m := newLinkedMount(t)
	content := make([]byte, size) // holes between the ends
	_, _ = rand.Read(content[:1<<20])
	_, _ = rand.Read(content[size-1<<20:])
	require.NoError(t, os.WriteFile(m.onServer("big"), content, 0o640))
	moved := func(script string) int64 {
		before := m.link.Bytes(sftptest.Up) + m.link.Bytes(sftptest.Down)
		shell(t, m.dir, script)
		return m.link.Bytes(sftptest.Up) + m.link.Bytes(sftptest.Down) - before
	}

	assert.Less(t, moved("cp -a big copy"), int64(1<<20))
	sameContent(t, m.onServer("big"), m.onServer("copy"))

	// Into what has been written here and not been sent.
	assert.Less(t, moved("mkdir sub; echo old >sub/x; cp big sub/x; test $(stat -c %s sub/x) = 69206016"), int64(1<<20))
	sameContent(t, m.onServer("big"), m.onServer("sub/x"))

	// A file that has lost its name can be opened on no other channel.
	src, err := os.Open(m.path("big"))
	require.NoError(t, err)
	defer src.Close()
	require.NoError(t, os.Remove(m.path("big")))
	dst, err := os.Create(m.path("last"))
	require.NoError(t, err)
	defer dst.Close()
	for at := 0; at < 2<<20; {
		n, err := unix.CopyFileRange(int(src.Fd()), nil, int(dst.Fd()), nil, 2<<20-at, 0)
		require.NoError(t, err)
		require.Positive(t, n)
		at += n
	}
	require.NoError(t, dst.Close())
	last, err := os.ReadFile(m.onServer("last"))
	require.NoError(t, err)
	sameText(t, string(content[:2<<20]), string(last), "a copy of what has no name")
}

// Within one file the server cannot copy. Ranges that overlap are nobody's.
func TestCopyWithinFile(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	require.NoError(t, os.WriteFile(m.path("file"), []byte("0123456789"), 0o640))
	f, err := os.OpenFile(m.path("file"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	from, to := int64(2), int64(12)
	n, err := unix.CopyFileRange(int(f.Fd()), &from, int(f.Fd()), &to, 5, 0)
	require.NoError(t, err)
	assert.Equal(t, 5, n)
	from, to = 0, 3
	_, err = unix.CopyFileRange(int(f.Fd()), &from, int(f.Fd()), &to, 5, 0)
	assert.ErrorIs(t, err, unix.EINVAL)
	require.NoError(t, f.Close())
	got, err := os.ReadFile(m.onServer("file"))
	require.NoError(t, err)
	assert.Equal(t, "0123456789\x00\x0023456", string(got))
}
