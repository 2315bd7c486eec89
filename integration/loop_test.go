package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Somebody who tries the program mounts the home directory of the same machine, on
// a folder in it. The server would then wait for the mount that waits for it.
func TestMountpointInsideItself(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	for _, transport := range []string{"native", "ssh"} {
		home := t.TempDir()
		for _, dir := range []string{"mnt", "project/src", "project/doc"} {
			require.NoError(t, os.MkdirAll(filepath.Join(home, dir), 0o755))
		}
		require.NoError(t, os.WriteFile(filepath.Join(home, "project/src/main.c"), []byte("int main;\n"), 0o644))

		m := prepareMount(t, s.client(), home)
		m.dir = filepath.Join(home, "mnt")
		m.start("-o", "transport="+transport, hostAlias+":"+home, m.dir)
		run(t, m.dir, "ls", "-l")
		run(t, m.dir, "cp", "-r", "project", "copy")
		found, err := tryRun(t, m.dir, "find", ".", "-name", "main.c")
		assert.Error(t, err, "find says that it has left something out")
		assert.Contains(t, found, "./copy/src/main.c")
		assert.Contains(t, found, "./mnt': Too many levels of symbolic links")
		for _, change := range []string{"chmod 700 mnt", "touch mnt", "touch mnt/file", "rmdir mnt", "mv mnt other"} {
			_, err := tryRun(t, m.dir, "sh", "-c", change)
			assert.Error(t, err, change)
		}
		assert.Contains(t, run(t, home, *program, "status", "mnt"), "up for")
	}
}
