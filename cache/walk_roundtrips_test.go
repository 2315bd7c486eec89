package cache_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn/sftptest"
)

// walker does what find and du do.
type walker struct {
	ctx            context.Context
	fs             *cache.FS
	folders, files int
}

func (w *walker) walk(dir string) error {
	entries, err := w.fs.ReadDir(w.ctx, dir)
	if err != nil {
		return err
	}
	w.folders++
	for _, e := range entries {
		if !e.Attr.IsDir() {
			w.files++
			continue
		}
		if err := w.walk(dir + "/" + e.Name); err != nil {
			return err
		}
	}
	return nil
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
			limit := busy * test.atMost
			sftptest.FewerTrips(t, limit, func() float64 {
				fsys, root, link := newFar(t, cache.Options{})
				root = filepath.Join(root, "top")
				require.NoError(t, os.Mkdir(root, 0o755))
				folders := sftptest.MakeOldTree(t, root, test.files, test.branches...)
				_, err := fsys.Lstat(t.Context(), root)
				require.NoError(t, err)
				link.SetDelay(delay)
				defer link.SetDelay(0)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(limit*float64(delay)))
				defer cancel()
				w := &walker{ctx: ctx, fs: fsys}
				start := time.Now()
				err = w.walk(root)
				took := time.Since(start)
				if ctx.Err() != nil {
					return math.Inf(1)
				}
				require.NoError(t, err)
				assert.Equal(t, folders, w.folders)
				assert.Equal(t, test.files, w.files)
				return float64(took) / float64(delay)
			})
		})
	}
}
