package cache

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// Folders are moved, and made again, while names in them are made, removed and
// listed. What all the answers leave behind is what the server holds.
func TestChangesBesideMovesOfTheirFolders(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		random := rand.New(rand.NewPCG(1, 3))
		s.fail = func(op, path string) error {
			dir, _ := pathname.Split(path)
			if s.nodes[dir] == nil || op == "MKDIR" && s.nodes[path] != nil {
				return &sftpconn.StatusError{Op: op, Path: path, Code: sftpconn.StatusNoSuchFile}
			}
			return nil
		}
		for round := range 150 {
			var changes sync.WaitGroup
			for i := range 8 {
				dir := fmt.Sprintf("/d/%d", random.IntN(3))
				name := fmt.Sprintf("%s/%d", dir, random.IntN(3))
				wait := time.Duration(random.IntN(4)) * delay / 2
				change := []func(){
					func() { _, _ = f.Mkdir(ctx, dir, 0o755) },
					func() { _ = f.Rename(ctx, dir, fmt.Sprintf("/d/moved %d %d", round, i), true) },
					func() { _ = f.Remove(ctx, name) },
					func() { _, _ = f.ReadDir(ctx, dir) },
					func() {
						if file, _, err := f.Open(ctx, name, newFile, 0o644); err == nil {
							_ = file.Close(ctx)
						}
					},
				}[random.IntN(5)]
				changes.Go(func() {
					time.Sleep(wait)
					change()
				})
			}
			changes.Wait()
			sameNames(t, s, f, "/d")
		}
	})
}

// sameNames compares what f knows of dir with what s holds.
func sameNames(t *testing.T, s *farServer, f *FS, dir string) {
	t.Helper()
	f.mu.Lock()
	listed, fresh := f.names.List(dir)
	f.mu.Unlock()
	want, _ := s.ReadDir(t.Context(), dir)
	var names []string
	for _, e := range want {
		names = append(names, e.Name)
	}
	if fresh {
		var known []string
		for _, e := range listed {
			known = append(known, e.Name)
		}
		assert.ElementsMatch(t, names, known, dir)
	}
	for _, name := range names {
		_, err := f.Lstat(t.Context(), pathname.Join(dir, name))
		assert.NoError(t, err)
		if dir == "/d" {
			sameNames(t, s, f, pathname.Join(dir, name))
		}
	}
}
