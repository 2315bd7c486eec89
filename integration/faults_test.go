package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// New operations wait for the link to come back, and then work.
func TestWaitForLink(t *testing.T) {
	t.Parallel()
	for _, f := range append(slices.Clone(faults), serverFaults...) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			m := newLinkedMount(t)
			m.write("before", "before")
			for round := range 3 {
				broken := make(chan struct{})
				go func() {
					defer close(broken)
					f.run(m, 1500*time.Millisecond)
				}()
				time.Sleep(100 * time.Millisecond)
				name := fmt.Sprintf("after%d", round)
				m.write(name, "after")
				<-broken
				assert.Equal(t, "after", m.serverFile(name))
				assert.Equal(t, "before", m.mountFile("before"))
				m.writeOnServer("there"+name, "new")
				assert.Equal(t, "new", m.mountFile("there"+name))
			}
		})
	}
}

// Files that are open when the link drops go on working.
func TestOpenFilesSurvive(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	content := strings.Repeat("0123456789", 100_000)
	m.writeOnServer("read", content)
	reader, err := os.Open(m.path("read"))
	require.NoError(t, err)
	defer reader.Close()
	writer := hold(t, m.path("write"), os.O_WRONLY|os.O_CREATE)
	for i := range 10 {
		m.link.Cut()
		part := make([]byte, 100_000)
		_, err = reader.ReadAt(part, int64(i*len(part)))
		require.NoError(t, err)
		assert.Equal(t, content[i*len(part):][:len(part)], string(part))
		_, err = writer.Write(part)
		require.NoError(t, err)
	}
	m.link.Cut()
	require.NoError(t, writer.Sync())
	sameText(t, content, m.serverFile("write"), "after fsync")
	require.NoError(t, writer.Close())
}

// An open file is found again under the name that the mount gave it since.
func TestOpenFileRenamedAcrossDrop(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	require.NoError(t, os.Mkdir(m.path("dir"), 0o755))
	f := hold(t, m.path("dir/file"), os.O_WRONLY|os.O_CREATE)
	for i, names := range [][2]string{{"dir/file", "dir/other"}, {"dir", "moved"}, {"moved/other", "file"}} {
		require.NoError(t, os.Rename(m.path(names[0]), m.path(names[1])))
		_, err := fmt.Fprintln(f, "before drop", i)
		require.NoError(t, err)
		m.link.Cut()
		_, err = fmt.Fprintln(f, "after drop", i)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
	}
	require.NoError(t, f.Close())
	assert.Equal(t, "before drop 0\nafter drop 0\nbefore drop 1\nafter drop 1\nbefore drop 2\nafter drop 2\n", m.serverFile("file"))
}

// A file replaced while the link was down is not taken for the one that was
// open.
func TestReplacedWhileDown(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	m.expect(`level=(WARN|ERROR)`)
	m.writeOnServer("file", strings.Repeat("old", 1_000_000))
	f, err := os.Open(m.path("file"))
	require.NoError(t, err)
	defer f.Close()
	m.link.Refuse()
	m.link.Cut()
	require.NoError(t, os.Remove(m.onServer("file")))
	require.NoError(t, m.link.Accept())
	_, err = f.ReadAt(make([]byte, 10), 2_900_000)
	assert.ErrorIs(t, err, syscall.ESTALE)
}

// A lock file is never claimed twice: whoever made it may have been us.
func TestExclusiveCreateIsClaimedOnce(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	m.expect(`level=(WARN|ERROR)`)
	claims := 0
	for i := range 20 {
		delayed := time.AfterFunc(time.Duration(i)*200*time.Microsecond, m.link.Cut)
		f, err := os.OpenFile(m.path("lock"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		delayed.Stop()
		if err == nil {
			claims++
			require.NoError(t, f.Close())
		}
	}
	assert.LessOrEqual(t, claims, 1)
	assert.FileExists(t, m.onServer("lock"))
}
