package integration

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the program holds after a program has gone through a million files.
func TestFigureMillionFiles(t *testing.T) {
	onlyForFigures(t)
	const folders, files = 1000, 1000
	m := newLinkedMount(t)
	m.watchdog.timer.Reset(20 * time.Minute)
	for i := range folders {
		dir := m.onServer(fmt.Sprintf("folder%03d", i))
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.WriteFile(dir+"/000", nil, 0o644))
		for j := 1; j < files; j++ { // links are made faster than files
			require.NoError(t, os.Link(dir+"/000", fmt.Sprintf("%s/%03d", dir, j)))
		}
	}
	t.Logf("before: %s", holdings(t, m.process.Pid))
	for part := range 10 {
		start := time.Now()
		shell(t, m.dir, fmt.Sprintf("test $(find folder%d* -type f | wc -l) = 100000", part))
		t.Logf("after %3d,000 files, %v: %s", 100*(part+1), time.Since(start).Round(time.Second), holdings(t, m.process.Pid))
	}
	dropKernelCaches(t)
	t.Logf("when the kernel has forgotten them: %s", holdings(t, m.process.Pid))
}

// dropKernelCaches makes the kernel forget names and inodes that are not in use.
func dropKernelCaches(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/sys/vm/drop_caches", []byte("2\n"), 0o644))
	time.Sleep(5 * time.Second) // the program is told later
}
