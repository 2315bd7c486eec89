package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// No line is lost or torn while the file is renamed, removed and blocked.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	f, err := Open(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode())

	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 500 {
				_, err := fmt.Fprintf(f, "writer %d line %d\n", w, i)
				assert.NoError(t, err)
			}
		})
	}
	for i := range 20 {
		_ = os.Rename(path, fmt.Sprintf("%s.%d", path, i))
	}
	writers.Wait()
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(data)
	}
	lines := strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")
	assert.Len(t, lines, 2000)
	for _, line := range lines {
		assert.Regexp(t, `^writer \d line \d+$`, line)
	}

	require.NoError(t, os.Remove(path))
	_, err = f.Write([]byte("after removal\n"))
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "after removal\n", string(data))

	// The new file cannot be made: the old one goes on, and the error says so.
	require.NoError(t, os.Rename(path, path+".old"))
	require.NoError(t, os.Mkdir(path, 0o700))
	n, err := f.Write([]byte("more\n"))
	assert.Equal(t, 5, n)
	require.ErrorContains(t, err, path+" was rotated")
	data, err = os.ReadFile(path + ".old")
	require.NoError(t, err)
	assert.Equal(t, "after removal\nmore\n", string(data))
	require.NoError(t, f.Close())
}
