package status

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFolderIsPrivate(t *testing.T) {
	base := t.TempDir()
	place := func(name string) string { return filepath.Join(base, name) }

	require.NoError(t, os.Mkdir(place("open"), 0o700))
	require.NoError(t, os.Chmod(place("open"), 0o750))
	require.NoError(t, os.Mkdir(place("private"), 0o700))
	require.NoError(t, os.Symlink("private", place("link")))
	require.NoError(t, os.WriteFile(place("file"), nil, 0o600))

	bad := []string{place("missing/dir"), place("open"), place("link"), place("file")}
	if os.Geteuid() == 0 {
		require.NoError(t, os.Mkdir(place("other"), 0o700))
		require.NoError(t, os.Chown(place("other"), 1, 1))
		bad = append(bad, place("other"))
	}
	for _, dir := range bad {
		_, err := makeFolder([]string{dir})
		require.Error(t, err, dir)
	}
	_, err := makeFolder([]string{place("open")})
	require.ErrorContains(t, err, "chmod 700 "+place("open"))

	dir, err := makeFolder(append(bad, place("new"), place("private")))
	require.NoError(t, err)
	assert.Equal(t, place("new"), dir, "the first one that can be made")
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|0o700, info.Mode())
}

func TestSocketIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sftpmount")
	var listener net.Listener
	for range 2 { // the second one finds what a killed process with this number left
		var err error
		listener, err = listen([]string{dir})
		require.NoError(t, err)
		listener.(*net.UnixListener).SetUnlinkOnClose(false)
		info, err := os.Stat(listener.Addr().String())
		require.NoError(t, err)
		assert.Equal(t, os.ModeSocket|0o600, info.Mode())
		require.NoError(t, listener.Close())
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	t.Setenv("XDG_RUNTIME_DIR", dir)
	assert.Equal(t, dir+"/sftpmount", folders()[0])
	t.Chdir(filepath.Dir(dir))
	for _, value := range []string{"", filepath.Base(dir), "/no/such/dir", "/tmp"} { // which is everybody's
		t.Setenv("XDG_RUNTIME_DIR", value)
		assert.NotContains(t, folders(), filepath.Join(value, "sftpmount"))
	}
	assert.Equal(t, "/tmp/sftpmount-"+strconv.Itoa(os.Geteuid()), folders()[len(folders())-1])
}
