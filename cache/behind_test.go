package cache

import (
	"bytes"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/errand"
	"sftpmount/sftpconn"
)

// async runs test on a cache with AsyncClose that knows "/d", and whose files it
// makes.
func async(t *testing.T, opts Options, test func(t *testing.T, s *farServer, f *FS)) {
	t.Helper()
	opts.AsyncClose = true
	far(t, opts, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		_, err := f.Lstat(ctx, "/")
		require.NoError(t, err)
		_, err = f.Mkdir(ctx, "/first", 0o755)
		require.NoError(t, err)
		for _, dir := range []string{"/", "/d"} {
			_, err = f.ReadDir(ctx, dir)
			require.NoError(t, err)
		}
		test(t, s, f)
	})
}

// put makes a file as tar does.
func putFile(t *testing.T, f *FS, path string, data []byte) {
	t.Helper()
	file := open(t, f, path, newFile)
	write(t, file, data, 0)
	_, err := f.SetAttr(t.Context(), path, setTimes(12345))
	require.NoError(t, err)
	_, err = f.SetAttr(t.Context(), path, setMode(0o755))
	require.NoError(t, err)
	require.NoError(t, file.Flush(t.Context()))
	require.NoError(t, file.Close(t.Context()))
}

// A tree is built at once, and is on the server after few round trips.
func TestBuildingATree(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		var files []string
		assert.Zero(t, roundTrips(func() {
			for i := range 20 {
				dir := fmt.Sprintf("/d/dir%d", i/4)
				if i%4 > 0 {
					dir += fmt.Sprintf("/dir%d", i%4)
				}
				_, err := f.Mkdir(ctx, dir, 0o700)
				require.NoError(t, err)
				for j := range 10 {
					path := fmt.Sprintf("%s/file%d", dir, j)
					putFile(t, f, path, pattern(i*100+j))
					files = append(files, path)
				}
				_, err = f.SetAttr(ctx, dir, setTimes(777))
				require.NoError(t, err)
			}
			for i, path := range files {
				attr, err := f.Lstat(ctx, path)
				require.NoError(t, err)
				require.EqualValues(t, i/10*100+i%10, attr.Size)
				require.EqualValues(t, syscall.S_IFREG|0o755, attr.Mode)
				require.EqualValues(t, 12345, attr.Mtime)
			}
		}))
		assert.LessOrEqual(t, roundTrips(func() { require.NoError(t, f.SyncDir(ctx, "/")) }), 12)
		for i, path := range files {
			require.Equal(t, string(pattern(i/10*100+i%10)), string(s.data(path)), path)
		}
		attr, err := s.Lstat(ctx, "/d/dir1")
		require.NoError(t, err)
		assert.EqualValues(t, 777, attr.Mtime, "set after what is below was made")
		time.Sleep(2 * time.Second)
		assert.Zero(t, roundTrips(func() {
			for _, path := range files {
				attr, err := f.Lstat(ctx, path)
				require.NoError(t, err)
				require.EqualValues(t, 12345, attr.Mtime)
			}
		}), "all is known")
		assert.Empty(t, f.opens.all)
		assert.Zero(t, f.names.InDoubt())
		assert.Empty(t, f.Unsent())
		assert.Equal(t, s.count("OPEN"), s.count("CLOSE"))
	})
}

// Changes of different names that depend on each other are made in order.
func TestOrderOfChanges(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			require.NoError(t, err)
		}
		mkdir := func(path string) {
			t.Helper()
			_, err := f.Mkdir(ctx, path, 0o755)
			require.NoError(t, err)
		}
		assert.Zero(t, roundTrips(func() {
			mkdir("/d/a")
			putFile(t, f, "/d/a/b", []byte("one"))
			must(f.Rename(ctx, "/d/a", "/d/c", true))
			mkdir("/d/a")
			putFile(t, f, "/d/a/b", []byte("two"))
			must(f.Rename(ctx, "/d/a/b", "/d/a/x", true))
			must(f.Rename(ctx, "/d/c/b", "/d/a/b", true))
			must(f.Rmdir(ctx, "/d/c"))
			putFile(t, f, "/d/c", []byte("a file now"))
			must(f.Rename(ctx, "/d/c", "/d/a/x", true))
			mkdir("/d/c")
			putFile(t, f, "/d/c/gone", []byte("gone"))
			must(f.Remove(ctx, "/d/c/gone"))
			must(f.Rmdir(ctx, "/d/c"))
			mkdir("/d/c")
		}))
		require.NoError(t, f.SyncDir(ctx, "/"))
		assert.Equal(t, "one", string(s.data("/d/a/b")))
		assert.Equal(t, "a file now", string(s.data("/d/a/x")))
		for path, there := range map[string]bool{"/d/c": true, "/d/c/b": false, "/d/c/gone": false} {
			_, err := s.Lstat(ctx, path)
			assert.Equal(t, there, err == nil, path)
		}
		assert.Empty(t, f.opens.all)
	})
}

// A file that is on its way is opened again at once, as rsync does to set its
// mode, and read whole.
func TestReopenOfAFileOnItsWay(t *testing.T) {
	async(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		ctx := t.Context()
		var again *File
		assert.Zero(t, roundTrips(func() {
			putFile(t, f, "/d/.a.tmp", pattern(1000))
			again = open(t, f, "/d/.a.tmp", sftpconn.Read)
			again.SetAttr(setMode(0o600))
			_, err := f.SetAttr(ctx, "/d/.a.tmp", setTimes(99))
			require.NoError(t, err)
			require.NoError(t, f.Rename(ctx, "/d/.a.tmp", "/d/a", true))
		}))
		assert.Equal(t, pattern(1000), readAll(t, again, 1000))
		require.NoError(t, again.Sync(ctx))
		require.NoError(t, again.Close(ctx))
		attr, err := f.Lstat(ctx, "/d/a")
		require.NoError(t, err)
		assert.EqualValues(t, syscall.S_IFREG|0o600, attr.Mode)
		assert.EqualValues(t, 99, attr.Mtime)
	})
}

// refuse has the server refuse requests on a path.
func (s *farServer) refuse(op, path string, with error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = func(o, p string) error {
		if o == op && p == path {
			return with
		}
		return nil
	}
}

var failuresOfChanges = map[string]func(*testing.T, *farServer, *FS){
	"Create": func(t *testing.T, s *farServer, f *FS) {
		s.refuse("OPEN", "/d/a", syscall.EDQUOT)
		putFile(t, f, "/d/a", []byte("lost"))
		require.ErrorIs(t, f.SyncDir(t.Context(), "/d"), syscall.EDQUOT)
		require.NoError(t, f.SyncDir(t.Context(), "/d"), "told")
		assert.Equal(t, map[string]int64{"/d/a": 4}, f.Unsent())
		assert.Positive(t, f.Stats().Failed)
		_, err := f.Lstat(t.Context(), "/d/a")
		require.ErrorIs(t, err, fs.ErrNotExist)
		s.refuse("", "", nil)
		putFile(t, f, "/d/a", []byte("again"))
		require.NoError(t, f.SyncDir(t.Context(), "/d"))
		assert.Equal(t, "again", string(s.data("/d/a")))
		require.Error(t, f.Close(), "something was lost")
	},
	"Open file": func(t *testing.T, s *farServer, f *FS) {
		s.refuse("OPEN", "/d/a", syscall.EDQUOT)
		file := open(t, f, "/d/a", newFile)
		write(t, file, []byte("lost"), 0)
		require.ErrorIs(t, file.Sync(t.Context()), syscall.EDQUOT)
		require.NoError(t, file.Close(t.Context()))
		_, _, err := f.Open(t.Context(), "/d/a", newFile, 0o644)
		require.ErrorIs(t, err, syscall.EDQUOT, "of the open, beside that of the write")
	},
	"Rename over the last copy": func(t *testing.T, s *farServer, f *FS) {
		putFile(t, f, "/d/a", []byte("old"))
		require.NoError(t, f.SyncDir(t.Context(), "/"))
		s.refuse("WRITE", "/d/.a", syscall.ENOSPC)
		putFile(t, f, "/d/.a", []byte("new"))
		require.NoError(t, f.Rename(t.Context(), "/d/.a", "/d/a", true))
		require.ErrorIs(t, f.SyncDir(t.Context(), "/"), syscall.ENOSPC)
		assert.Equal(t, "old", string(s.data("/d/a")))
	},
	"Removed": func(t *testing.T, s *farServer, f *FS) {
		s.refuse("WRITE", "/d/a", syscall.ENOSPC)
		putFile(t, f, "/d/a", []byte("moot"))
		require.NoError(t, f.Remove(t.Context(), "/d/a"))
		require.NoError(t, f.SyncDir(t.Context(), "/"))
		require.NoError(t, f.Close(), "nobody misses it")
	},
	"Removed, and made elsewhere": func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", []byte("old"))
		s.nodes["/d/its other name"] = s.nodes["/d/a"]
		time.Sleep(f.opts.DirTimeout)
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		s.refuse("WRITE", "/d/a", syscall.ENOSPC)
		file := open(t, f, "/d/a", readWrite)
		write(t, file, []byte("lost under the other name"), 0)
		require.NoError(t, file.Close(t.Context()))
		require.NoError(t, f.Remove(t.Context(), "/d/a"))
		require.ErrorIs(t, f.SyncDir(t.Context(), "/"), syscall.ENOSPC)
		require.Error(t, f.Close())
	},
	"Name not freed": func(t *testing.T, s *farServer, f *FS) {
		putFile(t, f, "/d/log", []byte("old"))
		require.NoError(t, f.SyncDir(t.Context(), "/"))
		s.refuse("RENAME", "/d/log", syscall.EACCES)
		require.NoError(t, f.Rename(t.Context(), "/d/log", "/d/log.1", true))
		file := open(t, f, "/d/log", sftpconn.Write|sftpconn.Create|sftpconn.Truncate)
		write(t, file, []byte("new"), 0)
		require.ErrorIs(t, file.Sync(t.Context()), syscall.EACCES)
		require.NoError(t, file.Close(t.Context()))
		assert.Equal(t, "old", string(s.data("/d/log")), "what was to be moved away")
	},
}

// What failed is told to who asks next, once; and what it would harm is not done.
func TestFailuresOfChanges(t *testing.T) {
	for name, failure := range failuresOfChanges {
		t.Run(name, func(t *testing.T) { async(t, Options{}, failure) })
	}
}

// What is not sure waits for the server, behind what is on its way.
func TestUnsureChangesWait(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		s.put("/d/made elsewhere", nil)
		putFile(t, f, "/d/a", []byte("a"))
		_, _, err := f.Open(ctx, "/d/a", newFile, 0o644)
		_ = err // the fake knows no O_EXCL
		require.NoError(t, f.Rename(ctx, "/d/made elsewhere", "/d/b", true))
		_, err = s.Lstat(ctx, "/d/b")
		require.NoError(t, err, "it was not known, so it is done")
		_, err = f.SetAttr(ctx, "/d/a", setSize(100))
		require.NoError(t, err)
		assert.Len(t, s.data("/d/a"), 100)
	})
}

// Whoever would add to a full queue waits.
func TestQueueOfChangesIsBounded(t *testing.T) {
	async(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		assert.Positive(t, roundTrips(func() {
			for i := range errand.Most + 200 {
				_, err := f.Mkdir(t.Context(), fmt.Sprintf("/d/%d", i), 0o755)
				require.NoError(t, err)
			}
		}))
		assert.LessOrEqual(t, len(f.errands.Everything()), errand.Most)
		require.NoError(t, f.SyncDir(t.Context(), "/"))
	})
}

// Files that wait for another open of the same file take nobody's place.
func TestFilesOpenedTwiceOnTheirWay(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		for i := range errand.MostUnderWay + 1 {
			path := fmt.Sprintf("/d/%d", i)
			first, second := open(t, f, path, newFile), open(t, f, path, sftpconn.Write)
			write(t, second, []byte("two"), 0)
			write(t, first, []byte("one"), 1)
			require.NoError(t, first.Close(ctx))
			require.NoError(t, second.Close(ctx))
		}
		require.NoError(t, f.SyncDir(ctx, "/"))
		assert.Equal(t, "tone", string(s.data("/d/0")))
	})
}

// Close waits for what it can, and tells of the rest.
func TestCloseTellsOfChanges(t *testing.T) {
	async(t, Options{CloseTimeout: 10 * time.Second}, func(t *testing.T, s *farServer, f *FS) {
		stalled := make(chan struct{})
		defer close(stalled)
		var once sync.Once
		s.mu.Lock()
		s.fail = func(op, _ string) error {
			if op == "MKDIR" {
				once.Do(func() {
					s.mu.Unlock()
					<-stalled
					s.mu.Lock()
				})
			}
			return nil
		}
		s.mu.Unlock()
		_, err := f.Mkdir(t.Context(), "/d/x", 0o755)
		require.NoError(t, err)
		putFile(t, f, "/d/x/a", []byte("unsent"))
		start := time.Now()
		require.ErrorIs(t, f.Close(), syscall.EIO)
		assert.LessOrEqual(t, time.Since(start), 20*time.Second)
		assert.Equal(t, map[string]int64{"/d/x": 0, "/d/x/a": 6}, f.Unsent())
	})
}

// A file that is found changed when it is opened again after a drop is found here
// by the name that it is about to get, or by the one that it has just lost.
func TestChangedElsewhereWhileBeingRenamed(t *testing.T) {
	for name, test := range map[string]struct {
		async   bool
		at      string // where the server has the file
		renames [][2]string
	}{
		"file":              {true, "/d/top/a", [][2]string{{"/d/top/a", "/d/top/b"}}},
		"folder":            {true, "/d/top/a", [][2]string{{"/d/top", "/d/other"}}},
		"both":              {true, "/d/top/a", [][2]string{{"/d/top", "/d/other"}, {"/d/other/a", "/d/other/b"}, {"/d/other", "/d/third"}}},
		"file, answering":   {false, "/d/top/b", [][2]string{{"/d/top/a", "/d/top/b"}}},
		"folder, answering": {false, "/d/other/a", [][2]string{{"/d/top", "/d/other"}}},
	} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{AsyncClose: test.async}, func(t *testing.T, s *farServer, f *FS) {
				ctx := t.Context()
				for _, dir := range []string{"/", "/d"} { // so that renames are sure
					_, err := f.ReadDir(ctx, dir)
					require.NoError(t, err)
				}
				_, err := f.Mkdir(ctx, "/d/top", 0o755)
				require.NoError(t, err)
				putFile(t, f, "/d/top/a", bytes.Repeat([]byte("old"), 100_000))
				require.NoError(t, f.drain(ctx))
				time.Sleep(time.Second)
				file := open(t, f, "/d/top/a", sftpconn.Read)
				for i := range 10 { // it is read ahead
					_, err = file.ReadAt(ctx, make([]byte, 1000), int64(1000*i))
					require.NoError(t, err)
				}
				time.Sleep(time.Second)
				s.mu.Lock()
				for i := range s.nodes["/d/top/a"].data {
					s.nodes["/d/top/a"].data[i] = 'n'
				}
				s.mu.Unlock()
				renamed := make(chan struct{})
				go func() {
					defer close(renamed)
					for _, r := range test.renames {
						assert.NoError(t, f.Rename(ctx, r[0], r[1], true))
					}
				}()
				synctest.Wait() // in the queue, or on the way
				f.Invalidate(test.at)
				p := make([]byte, 1000)
				_, err = file.ReadAt(ctx, p, 10_000)
				require.NoError(t, err)
				assert.Equal(t, bytes.Repeat([]byte("n"), 1000), p)
				<-renamed
				require.NoError(t, file.Close(ctx))
			})
		})
	}
}

// What was foreseen of a change that the server then refused is not believed any
// more, also when the file is changed again.
func TestRefusedChangeIsNotForeseen(t *testing.T) {
	for name, flags := range map[string]sftpconn.OpenFlags{"SETSTAT": sftpconn.Read, "FSETSTAT": readWrite} {
		t.Run(name, func(t *testing.T) {
			async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				ctx := t.Context()
				putFile(t, f, "/d/a", []byte("a"))
				require.NoError(t, f.drain(ctx))
				time.Sleep(time.Second)
				file := open(t, f, "/d/a", flags)
				defer func() { require.NoError(t, file.Close(ctx)) }()
				s.refuse(name, "/d/a", syscall.EPERM)
				for _, set := range []sftpconn.SetAttr{setTimes(777), setMode(0o600)} {
					_, err := f.SetAttr(ctx, "/d/a", set)
					require.NoError(t, err)
				}
				_ = f.SyncDir(ctx, "/")
				_ = file.Flush(ctx)
				s.refuse("", "", nil)
				_, err := file.Attr(ctx)
				require.NoError(t, err)
				attr, err := f.SetAttr(ctx, "/d/a", setMode(0o700))
				require.NoError(t, err)
				assert.EqualValues(t, 12345, attr.Mtime)
				attr, err = f.SetAttr(ctx, "/d/a", setTimes(888))
				require.NoError(t, err)
				assert.EqualValues(t, syscall.S_IFREG|0o700, attr.Mode)
				require.NoError(t, f.SyncDir(ctx, "/"))
			})
		})
	}
}

// A write comes after a change of times by path that was answered before it, and
// changes the time again.
func TestWriteAfterTimesByPath(t *testing.T) {
	async(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		ctx := t.Context()
		file := open(t, f, "/d/a", newFile)
		write(t, file, []byte("a"), 0)
		require.NoError(t, file.Sync(ctx))
		time.Sleep(f.opts.AttrTimeout + time.Second)
		_, err := f.ReadDir(ctx, "/d") // the file itself is not asked
		require.NoError(t, err)
		_, err = f.SetAttr(ctx, "/d/a", setTimes(777))
		require.NoError(t, err)
		before := uint32(time.Now().Unix())
		write(t, file, []byte("b"), 1)
		require.NoError(t, file.Flush(ctx))
		require.NoError(t, f.SyncDir(ctx, "/"))
		attr, err := s.Lstat(ctx, "/d/a")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, attr.Mtime, before)
		require.NoError(t, file.Close(ctx))
	})
}

// What was expected of a name does not hold any more when the name has gone to
// another file, in the moment before it is relied on.
func TestExpectationsEnd(t *testing.T) {
	async(t, Options{}, func(t *testing.T, _ *farServer, f *FS) {
		ctx := t.Context()
		putFile(t, f, "/d/a", nil)
		putFile(t, f, "/d/b", nil)
		expected, onItsWay := f.expected("/d/a"), f.onItsWay("/d/a")
		holds := func(e expectation) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.holds(e)
		}
		assert.True(t, holds(expected) && holds(onItsWay))
		require.NoError(t, f.Rename(ctx, "/d/b", "/d/a", true))
		assert.False(t, holds(expected) || holds(onItsWay))
		require.NoError(t, f.SyncDir(ctx, "/"))
	})
}
