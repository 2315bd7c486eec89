package cache_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
)

// tree makes folders below root, with as many in each as branches say for its
// level, and spreads files over them. Nothing in it is new.
func tree(t *testing.T, root string, files int, branches ...int) (folders int) {
	t.Helper()
	all := []string{root}
	level := all
	for _, n := range branches {
		var next []string
		for _, dir := range level {
			for i := range n {
				path := fmt.Sprintf("%s/folder%d", dir, i)
				require.NoError(t, os.Mkdir(path, 0o755))
				next = append(next, path)
			}
		}
		all = append(all, next...)
		level = next
	}
	old := time.Now().Add(-time.Hour)
	for i := range files {
		path := fmt.Sprintf("%s/file%d", all[i%len(all)], i)
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{byte(i)}, i*50), 0o644))
		require.NoError(t, os.Chtimes(path, old, old))
	}
	return len(all)
}

// walker does what find and du do.
type walker struct {
	*testing.T
	fs             *cache.FS
	root           string
	folders, files int
}

func (w *walker) walk(dir string) {
	entries, err := w.fs.ReadDir(w.Context(), dir)
	require.NoError(w, err)
	w.folders++
	for _, e := range entries {
		path := dir + "/" + e.Name
		if e.Attr.IsDir() {
			w.walk(path)
		} else {
			w.files++
		}
	}
}

// The round trips of going through a tree, over SSH to OpenSSH's sftp-server.
func TestWalkRoundTrips(t *testing.T) {
	const delay = 200 * time.Millisecond
	// The budgets are those of a machine at rest. One that runs other tests,
	// and the race detector, needs as much time again for itself.
	const busy = 2
	for _, test := range []struct {
		name     string
		files    int
		branches []int
		atMost   float64
	}{
		{"find over 400 folders", 0, []int{7, 7, 7}, 12},
		{"find over 400 folders, 4 levels", 0, []int{4, 4, 4, 5}, 12},
		{"du over 170 folders", 400, []int{5, 5, 6}, 25},
	} {
		t.Run(test.name, func(t *testing.T) {
			var took float64
			for range 3 { // other tests may take the machine's time
				fsys, root, link := newFar(t, cache.Options{})
				root = filepath.Join(root, "top")
				require.NoError(t, os.Mkdir(root, 0o755))
				folders := tree(t, root, test.files, test.branches...)
				_, err := fsys.Lstat(t.Context(), root)
				require.NoError(t, err)
				link.SetDelay(delay)
				w := &walker{T: t, fs: fsys, root: root}
				start := time.Now()
				w.walk(root)
				took = float64(time.Since(start)) / float64(delay)
				link.SetDelay(0)
				assert.Equal(t, folders, w.folders)
				t.Logf("%.1f round trips for %d folders and %d files", took, w.folders, w.files)
				if took < busy*test.atMost {
					return
				}
			}
			assert.Less(t, took, busy*test.atMost)
		})
	}
}
