package integration

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// The round trips of changes in a listed folder: elapsed time by the delay of
// the line. What the machine is busy with meanwhile counts too, so the best of a
// few tries does.
func TestRoundTripsOfChanges(t *testing.T) {
	const delay, tries = 250 * time.Millisecond, 8
	m := newLinkedMount(t)
	steps := []struct {
		name   string
		atMost int
		do     func(dir string) error
	}{
		{"create, write, chmod, chown, utimens, close", 2, makeFile},
		{"mkdir", 1, func(dir string) error { return os.Mkdir(dir+"/folder", 0o755) }},
		{"rename", 1, func(dir string) error { return os.Rename(dir+"/file", dir+"/folder/moved") }},
		{"symlink", 1, func(dir string) error { return os.Symlink("folder/moved", dir+"/symlink") }},
		{"link", 1, func(dir string) error { return os.Link(dir+"/folder/moved", dir+"/link") }},
		{"truncate", 1, func(dir string) error { return os.Truncate(dir+"/link", 1000) }},
		{"unlink", 1, func(dir string) error { return os.Remove(dir + "/folder/moved") }},
		{"rmdir", 1, func(dir string) error { return syscall.Rmdir(dir + "/folder") }},
		{"open, write, fsync, close", 2, writeDurably},
		{"copy of a small file", 4, copySmall},
	}
	best := make([]float64, len(steps))
	for try := range tries {
		name := fmt.Sprintf("try%d", try)
		require.NoError(t, os.Mkdir(m.onServer(name), 0o755))
		_, err := os.ReadDir(m.path(name))
		require.NoError(t, err)
		m.link.SetDelay(delay)
		within := true
		for i, step := range steps {
			start := time.Now()
			require.NoError(t, step.do(m.path(name)), step.name)
			took := float64(time.Since(start)) / float64(delay)
			if try == 0 || took < best[i] {
				best[i] = took
			}
			within = within && best[i] < float64(step.atMost)+0.9
		}
		m.link.SetDelay(0)
		if within {
			break
		}
	}
	for i, step := range steps {
		t.Logf("%s: %.1f round trips", step.name, best[i])
		assert.Less(t, best[i], float64(step.atMost)+0.9, step.name)
	}
}

// makeFile does what tar does for a file.
func makeFile(dir string) error {
	path := dir + "/file"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 256<<10)); err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	old := syscall.NsecToTimeval(time.Now().Add(-time.Hour).UnixNano())
	if err := syscall.Futimes(int(f.Fd()), []syscall.Timeval{old, old}); err != nil {
		return err
	}
	return f.Close()
}

// writeDurably does what a database does for a file.
func writeDurably(dir string) error {
	f, err := os.OpenFile(dir+"/link", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// copySmall does what cp does for a file: it asks for copy_file_range(2).
func copySmall(dir string) error {
	src, err := os.Open(dir + "/link")
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(dir + "/copy")
	if err != nil {
		return err
	}
	defer dst.Close()
	if n, err := io.Copy(dst, src); n != 4096 {
		return fmt.Errorf("copied %d bytes: %w", n, err)
	}
	return dst.Close()
}

// The round trips of unpacking an archive: two for each file, three for each
// folder.
func TestRoundTripsOfTar(t *testing.T) {
	const delay = 150 * time.Millisecond
	const files, folders = 20, 5
	const atMost = 1.25 * (2*files + 3*folders) // a quarter for the machine
	archive := makeArchive(t, files, folders)
	want := t.TempDir()
	run(t, want, "tar", "xf", archive)
	sftptest.FewerTrips(t, atMost, func() float64 {
		m := newLinkedMount(t)
		_, err := os.ReadDir(m.dir)
		require.NoError(t, err)
		trips := m.trips(".", "tar xf "+archive+" --no-same-owner", delay, atMost) // as users do
		if trips < atMost {
			m.sameTrees(want, m.onServer("."))
		}
		return trips
	})
}

// makeArchive returns a tar file with small files spread over folders in folders.
func makeArchive(t *testing.T, files, folders int) string {
	t.Helper()
	tree := t.TempDir()
	dirs := []string{tree}
	for i := range folders {
		dir := fmt.Sprintf("%s/folder%d", dirs[i/4], i)
		require.NoError(t, os.Mkdir(dir, 0o755))
		dirs = append(dirs, dir)
	}
	for i := range files {
		path := fmt.Sprintf("%s/file%d", dirs[1+i%folders], i)
		require.NoError(t, os.WriteFile(path, make([]byte, i*1000), 0o644))
	}
	makeOld(t, tree)
	archive := t.TempDir() + "/tree.tar"
	run(t, tree, "sh", "-c", "tar cf "+archive+" *")
	return archive
}
