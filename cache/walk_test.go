package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/pathname"
	"sftpmount/cache/internal/walk"
	"sftpmount/sftpconn"
)

// walksEnd is after how long nothing is kept of a walk that nobody goes on with.
const walksEnd = 30 * time.Second

// putTree puts folders and files into /d, and lets them grow old.
func putTree(s *farServer, folders, filesEach int) {
	for i := range folders {
		dir := fmt.Sprintf("/d/%04d", i)
		s.mu.Lock()
		s.nodes[dir] = dirNode()
		s.mu.Unlock()
		for j := range filesEach {
			s.put(fmt.Sprintf("%s/%d", dir, j), pattern(100+i*j))
		}
	}
	time.Sleep(time.Minute)
}

// walkAll lists and reads all that is below dir, and checks what it reads.
func walkAll(t *testing.T, s *farServer, f *FS, dir string) {
	entries, err := f.ReadDir(t.Context(), dir)
	require.NoError(t, err)
	for _, e := range entries {
		path := pathname.Join(dir, e.Name)
		if e.Attr.IsDir() {
			walkAll(t, s, f, path)
			continue
		}
		file := open(t, f, path, sftpconn.Read)
		require.Equal(t, string(s.data(path)), string(readAll(t, file, 4096)), path)
		require.NoError(t, file.Close(t.Context()))
	}
}

// listAll lists all that is below dir.
func listAll(t *testing.T, f *FS, dir string) {
	entries, err := f.ReadDir(t.Context(), dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Attr.IsDir() {
			listAll(t, f, pathname.Join(dir, e.Name))
		}
	}
}

// forgotten checks that nothing is kept of walks.
func forgotten(t *testing.T, f *FS) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	assert.Zero(t, f.walks.Held())
}

// ahead counts what was fetched ahead.
func ahead(f *FS) (used, wasted int) {
	s := f.Stats()
	for _, a := range []Ahead{s.ListedAhead, s.OpenedAhead, s.LinksAhead} {
		used += int(a.Used)
		wasted += int(a.Wasted)
	}
	return used, wasted
}

func TestWalkIsSeenComing(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 100, 4)
		assert.LessOrEqual(t, roundTrips(func() { listAll(t, f, "/d") }), 8, "100 folders")
		// The program may ask at the moment at which the answer comes.
		assert.InDelta(t, 101, s.count("READDIR"), 2)
		assert.Zero(t, f.Stats().ListedAhead.Wasted)
		time.Sleep(walksEnd)
		forgotten(t, f)
	})
}

// A look at a big folder sets off no storm, and what was listed in vain is forgotten
// also where listings are believed for long.
func TestBigFolder(t *testing.T) {
	far(t, Options{DirTimeout: time.Hour}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 2000, 0)
		entries, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		for _, e := range entries {
			_, err := f.Lstat(t.Context(), pathname.Join("/d", e.Name))
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		assert.Equal(t, 1, s.count("READDIR"))
		_, err = f.ReadDir(t.Context(), "/d/0000")
		require.NoError(t, err)
		time.Sleep(time.Second)
		assert.LessOrEqual(t, s.count("READDIR"), 2+walk.FirstAhead)
		time.Sleep(walksEnd)
		forgotten(t, f)
		assert.LessOrEqual(t, roundTrips(func() { listAll(t, f, "/d") }), 40)
	})
}

// What is fetched in vain is bounded, whatever programs do.
func TestWaste(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 1000, 2)
		random := rand.New(rand.NewPCG(1, 1))
		start := time.Now()
		for range 3000 {
			dir := fmt.Sprintf("/d/%04d", random.IntN(1000))
			_, err := f.ReadDir(t.Context(), "/d")
			require.NoError(t, err)
			_, err = f.ReadDir(t.Context(), dir)
			require.NoError(t, err)
			if random.IntN(2) == 0 {
				require.NoError(t, open(t, f, dir+"/1", sftpconn.Read).Close(t.Context()))
			}
			if random.IntN(10) == 0 {
				time.Sleep(time.Duration(random.Int64N(int64(10 * time.Second))))
			}
			f.mu.Lock()
			require.LessOrEqual(t, f.walks.Held().Handles, walk.MostHandles)
			require.LessOrEqual(t, f.walks.Held().Steps, 300_000)
			f.mu.Unlock()
			used, wasted := ahead(f)
			require.LessOrEqual(t, wasted, walk.MostCredit+used/4+int(time.Since(start).Seconds()))
		}
		used, wasted := ahead(f)
		t.Logf("%d used, %d in vain", used, wasted)
		time.Sleep(walksEnd)
		forgotten(t, f)
		assert.Equal(t, s.count("OPEN"), s.count("CLOSE"))
	})
}

// Changes of files are seen by walks: all made here, and of those made elsewhere
// what their content is.
func TestWalksSeeChanges(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 10, 10)
		random := rand.New(rand.NewPCG(1, 2))
		name := func() string { return fmt.Sprintf("/d/%04d/%d", random.IntN(10), random.IntN(10)) }
		for range 300 {
			path := name()
			switch random.IntN(5) {
			case 0:
				file := open(t, f, path, sftpconn.Write|sftpconn.Create|sftpconn.Truncate)
				write(t, file, pattern(random.IntN(500)), 0)
				if random.IntN(2) == 0 {
					require.NoError(t, file.Flush(t.Context()))
				}
				require.NoError(t, file.Close(t.Context()))
			case 1:
				_ = f.Rename(t.Context(), path, name(), true)
			case 2:
				s.mu.Lock()
				if n := s.nodes[path]; n != nil {
					n.data = pattern(random.IntN(500))
					n.attr.Mtime = uint32(time.Now().Unix())
				}
				s.mu.Unlock()
				time.Sleep(2 * time.Second)
			case 3:
				time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
			case 4:
				dir, _ := pathname.Split(path)
				walkAll(t, s, f, dir)
			}
			if random.IntN(10) == 0 {
				walkAll(t, s, f, "/d")
			}
		}
	})
}

// After Close nothing is sent any more, wherever a walk was.
func TestCloseEndsWalks(t *testing.T) {
	for after := range 10 {
		far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
			putTree(s, 50, 20)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range 50 {
					for _, dir := range []string{"/d", fmt.Sprintf("/d/%04d", i)} {
						if _, err := f.ReadDir(t.Context(), dir); err != nil {
							return
						}
					}
					for j := range 20 {
						file, _, err := f.Open(t.Context(), fmt.Sprintf("/d/%04d/%d", i, j), sftpconn.Read, 0)
						if err != nil {
							return
						}
						_ = file.Close(t.Context())
					}
				}
			}()
			time.Sleep(time.Duration(after) * delay)
			require.NoError(t, f.Close())
			<-done
			synctest.Wait()
			sent := len(s.log)
			time.Sleep(time.Minute)
			assert.Len(t, s.log, sent)
		})
	}
}

// What was made after its folder was listed ahead is there for a program that
// never asked for the listing.
func TestListedAheadSaysNothingOfAbsentNames(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putTree(s, 20, 1)
		for _, dir := range []string{"/d", "/d/0000"} {
			_, err := f.ReadDir(t.Context(), dir)
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		require.Greater(t, s.count("READDIR"), 5, "nothing was listed ahead")
		s.put("/d/0005/new", pattern(10))
		_, err := f.Lstat(t.Context(), "/d/0005/new")
		require.NoError(t, err)
	})
}

// A look at a name has its folder listed, for the names that are there. Of others,
// made right after by somebody who tells the program, that says nothing.
func TestALookAtANameSaysNothingOfAbsentOnes(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, 20, 1000)
		_, err := f.Lstat(t.Context(), "/d")
		require.NoError(t, err)
		assert.Equal(t, 1, roundTrips(func() { _, _ = f.Lstat(t.Context(), "/d/000") }))
		time.Sleep(delay)
		assert.Equal(t, 0, roundTrips(func() { _, _ = f.Lstat(t.Context(), "/d/001") }))
		s.put("/d/new", pattern(10))
		_, err = f.Lstat(t.Context(), "/d/new")
		require.NoError(t, err)
		_, err = f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		assert.Equal(t, 0, roundTrips(func() { _, _ = f.Lstat(t.Context(), "/d/absent") }), "a program has listed it")
	})
}

// What is read ahead of a folder's files leaves room for the folders among them.
func TestFoldersAmongManyFiles(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		for i := range 400 {
			s.put(fmt.Sprintf("/d/%03d", i), pattern(100))
		}
		for _, dir := range []string{"/d/100a", "/d/200a", "/d/300a"} {
			s.mu.Lock()
			s.nodes[dir] = dirNode()
			s.mu.Unlock()
			for i := range 100 {
				s.put(fmt.Sprintf("%s/%d", dir, i), pattern(100))
			}
		}
		time.Sleep(time.Minute)
		assert.LessOrEqual(t, roundTrips(func() { walkAll(t, s, f, "/d") }), 40)
	})
}

// A panic in what follows programs fails one request, and the others go on.
func TestPanicLeavesNothingLocked(t *testing.T) {
	far(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		walks := f.walks
		f.walks = nil
		defer func() { f.walks = walks }()
		for name, do := range map[string]func(){
			"Lstat":    func() { _, _ = f.Lstat(t.Context(), "/d/a") },
			"Open":     func() { _, _, _ = f.Open(t.Context(), "/d/a", sftpconn.Read, 0) },
			"ReadDir":  func() { _, _ = f.ReadDir(t.Context(), "/d") },
			"Readlink": func() { _, _ = f.Readlink(t.Context(), "/d/a") },
		} {
			assert.Panics(t, do, name)
			assert.True(t, f.mu.TryLock(), name)
			f.mu.Unlock()
		}
	})
}

// A folder that was listed on the chance, and that a program then comes to, has what is
// further below it listed too, as if it had been come to at once.
func TestBelowAFolderListedOnTheChance(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.mu.Lock()
		for _, dir := range []string{"/d/git", "/d/git/refs", "/d/git/refs/heads"} {
			s.nodes[dir] = dirNode()
		}
		s.mu.Unlock()
		for _, path := range []string{"/d/file", "/d/git/HEAD", "/d/git/refs/heads/main"} {
			s.put(path, pattern(10))
		}
		trips := func(path string) int {
			time.Sleep(10 * delay) // what is listed ahead comes
			return roundTrips(func() {
				_, err := f.Lstat(t.Context(), path)
				require.NoError(t, err)
			})
		}
		trips("/d")
		assert.Equal(t, 1, trips("/d/file"))
		assert.Equal(t, 0, trips("/d/git/HEAD"))
		assert.Equal(t, 0, trips("/d/git/refs/heads/main"))
	})
}
