package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// reader goes through a tree and reads its files.
type reader struct {
	t    *testing.T
	fs   *cache.FS
	read int // files
}

func (r *reader) list(dir string) []sftpconn.DirEntry {
	entries, err := r.fs.ReadDir(r.t.Context(), dir)
	require.NoError(r.t, err)
	return entries
}

func (r *reader) file(path string) {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	f, attr, err := r.fs.Open(ctx, path, sftpconn.Read, 0)
	if !assert.NoError(r.t, err) {
		return
	}
	p := make([]byte, attr.Size+1)
	n, err := f.ReadAt(ctx, p, 0)
	assert.ErrorIs(r.t, err, io.EOF)
	assert.Equal(r.t, strings.Repeat(filepath.Base(path), n/len(filepath.Base(path))), string(p[:n]))
	assert.NoError(r.t, f.Close(ctx))
}

// inOrder is grep -r, tar and cp -r: what a folder holds comes in the order of
// the listing.
func (r *reader) inOrder(dir string) {
	for _, e := range r.list(dir) {
		if e.Attr.IsDir() {
			r.inOrder(dir + "/" + e.Name)
		} else {
			r.file(dir + "/" + e.Name)
			r.read++
		}
	}
}

// filesFirst is rsync, and all that uses Python's os.walk: a folder's files come
// before its folders. sorted is by name.
func (r *reader) filesFirst(dir string, sorted bool) {
	entries := r.list(dir)
	if sorted {
		slices.SortFunc(entries, func(a, b sftpconn.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	}
	for _, e := range entries {
		if !e.Attr.IsDir() {
			r.file(dir + "/" + e.Name)
			r.read++
		}
	}
	for _, e := range entries {
		if e.Attr.IsDir() {
			r.filesFirst(dir+"/"+e.Name, sorted)
		}
	}
}

// bySeveral is find | xargs -P4 -n10 cat: the folders come first, then the files,
// ten at a time to each of four programs.
func (r *reader) bySeveral(dir string) {
	paths := make(chan []string)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ten := range paths {
				for _, path := range ten {
					r.file(path)
				}
			}
		})
	}
	all := r.find(dir)
	r.read = len(all)
	for ten := range slices.Chunk(all, 10) {
		paths <- ten
	}
	close(paths)
	readers.Wait()
}

// byName is cat */*/*: a shell lists all folders, in the order of listings, and a
// program then opens the files by name.
func (r *reader) byName(dir string) {
	files := r.find(dir)
	slices.Sort(files)
	for _, path := range files {
		r.file(path)
		r.read++
	}
}

func (r *reader) find(dir string) (files []string) {
	for _, e := range r.list(dir) {
		if e.Attr.IsDir() {
			files = append(files, r.find(dir+"/"+e.Name)...)
		} else {
			files = append(files, dir+"/"+e.Name)
		}
	}
	return files
}

// bushyTree makes 171 folders and 400 files at tree, beside other folders.
func bushyTree(t *testing.T, root string) {
	dirs := []string{"tree"}
	for i := range 10 {
		for j := range 17 {
			dirs = append(dirs, strings.TrimSuffix(fmt.Sprintf("tree/%d/%d", i+1, j), "/0"))
		}
	}
	for _, dir := range append([]string{"many", "sources", "repository"}, dirs...) {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for i := range 400 {
		name := fmt.Sprintf("file%d", i+1)
		writeOld(t, filepath.Join(root, dirs[i%len(dirs)], name), bytes.Repeat([]byte(name), i*7))
	}
}

// writeOld makes a file that is older than the clock of a bubble, which starts in 2000.
func writeOld(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o644))
	old := time.Now().AddDate(-40, 0, 0)
	require.NoError(t, os.Chtimes(path, old, old))
}

// treeTrips returns how many round trips run takes to read the tree below root.
func treeTrips(t *testing.T, root string, run func(*reader, string)) (trips float64) {
	const roundTrip = 50 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		fsys := newFarthest(t, roundTrip)
		for _, dir := range []string{root, root + "/tree"} {
			_, err := fsys.Lstat(t.Context(), dir)
			require.NoError(t, err)
		}
		r := &reader{t: t, fs: fsys}
		start := time.Now()
		r.list(root + "/tree")
		run(r, root+"/tree")
		trips = float64(time.Since(start)) / float64(roundTrip)
		stats := fsys.Stats()
		t.Logf("%.1f round trips, folders %+v, files %+v", trips, stats.ListedAhead, stats.OpenedAhead)
		assert.Equal(t, 400, r.read)
		time.Sleep(time.Minute)
		stats = fsys.Stats()
		assert.LessOrEqual(t, stats.OpenedAhead.Wasted, 640+stats.OpenedAhead.Used/4)
	})
	return trips
}

// The round trips of programs that read a tree.
func TestTreeOverALine(t *testing.T) {
	root := t.TempDir()
	bushyTree(t, root)
	for _, program := range []struct {
		name   string
		run    func(*reader, string)
		atMost float64
	}{
		{"in the order of listings", (*reader).inOrder, 30},
		{"files first", func(r *reader, dir string) { r.filesFirst(dir, false) }, 40},
		{"files first by name", func(r *reader, dir string) { r.filesFirst(dir, true) }, 40},
		{"by name", (*reader).byName, 40},
	} {
		t.Run(program.name, func(t *testing.T) {
			assert.LessOrEqual(t, treeTrips(t, root, program.run), program.atMost)
		})
	}
	t.Run("find, then several at once", func(t *testing.T) {
		// Which of them comes first makes a difference.
		sftptest.FewerTrips(t, 40, func() float64 { return treeTrips(t, root, (*reader).bySeveral) })
	})
}

// importer reads packages as an interpreter does: at half of the files of each, in no
// order, and now and then turns to another package in between.
type importer struct {
	*reader
	random   *rand.Rand
	packages []string // not come to so far
}

func (i *importer) importNext() {
	if len(i.packages) == 0 {
		return
	}
	dir := i.packages[0]
	i.packages = i.packages[1:]
	entries := i.list(dir)
	i.random.Shuffle(len(entries), func(a, b int) { entries[a], entries[b] = entries[b], entries[a] })
	i.file(dir + "/__init__")
	for _, e := range entries[:len(entries)/2] {
		i.file(dir + "/" + e.Name)
		if i.random.IntN(4) == 0 {
			i.importNext()
		}
	}
}

// A program that seems to go through a tree, and then goes on elsewhere in it, has what
// is near it read ahead, and not only what is where it was.
func TestPackagesInNoOrder(t *testing.T) {
	const packages, files = 40, 10
	root := t.TempDir()
	for p := range packages {
		dir := fmt.Sprintf("%s/%d", root, p)
		require.NoError(t, os.Mkdir(dir, 0o755))
		for f := range files {
			name := "__init__"
			if f > 0 {
				name = fmt.Sprintf("%d of %d", f, p)
			}
			writeOld(t, dir+"/"+name, bytes.Repeat([]byte(name), 100))
		}
	}
	const roundTrip = 50 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		fsys := newFarthest(t, roundTrip)
		i := &importer{reader: &reader{t: t, fs: fsys}, random: rand.New(rand.NewPCG(1, 1))}
		i.list(root)
		for _, p := range i.random.Perm(packages) {
			i.packages = append(i.packages, fmt.Sprintf("%s/%d", root, p))
		}
		start := time.Now()
		for len(i.packages) > 0 {
			i.importNext()
		}
		trips := float64(time.Since(start)) / float64(roundTrip)
		t.Logf("%.1f round trips", trips)
		assert.LessOrEqual(t, trips, 240.0)
	})
}
