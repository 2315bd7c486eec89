package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/known"
	"sftpmount/cache/internal/walk"
	"sftpmount/sftpconn"
)

// putFiles puts files into /d, and lets them grow old.
func putFiles(s *farServer, n, size int) {
	for i := range n {
		s.put(fmt.Sprintf("/d/%03d", i), pattern(size))
	}
	time.Sleep(time.Minute)
}

// readFile opens, reads and closes a file as cat and the kernel do, and checks it.
func readFile(t *testing.T, s *farServer, f *FS, path string) {
	t.Helper()
	file, attr, err := f.Open(t.Context(), path, sftpconn.Read, 0)
	require.NoError(t, err)
	p := make([]byte, attr.Size)
	for at := 0; at < len(p); at += blocks.Size {
		_, err := file.ReadAt(t.Context(), p[at:min(at+blocks.Size, len(p))], int64(at))
		require.NoError(t, err)
	}
	require.Equal(t, string(s.data(path)), string(p), path)
	require.NoError(t, file.Flush(t.Context()))
	require.NoError(t, file.Close(t.Context()))
}

// openAhead lists /d and reads its first file, so that the next ones are opened
// ahead.
func openAhead(t *testing.T, s *farServer, f *FS) {
	t.Helper()
	_, err := f.ReadDir(t.Context(), "/d")
	require.NoError(t, err)
	readFile(t, s, f, "/d/000")
	synctest.Wait()
	require.Equal(t, 1+walk.FirstAhead, s.count("OPEN"))
}

func TestSmallFilesAreReadAhead(t *testing.T) {
	for _, size := range []int{1, 1000, blocks.SmallFile} {
		far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
			putFiles(s, 100, size)
			_, err := f.ReadDir(t.Context(), "/d")
			require.NoError(t, err)
			assert.Equal(t, 2, roundTrips(func() { readFile(t, s, f, "/d/000") }))
			assert.LessOrEqual(t, roundTrips(func() {
				for i := range 99 {
					readFile(t, s, f, fmt.Sprintf("/d/%03d", 1+i))
				}
			}), 10)
			used, wasted := ahead(f)
			assert.Equal(t, 99, used)
			assert.Zero(t, wasted)
			time.Sleep(walksEnd)
			forgotten(t, f)
			assert.Equal(t, 100, s.count("OPEN"))
			assert.Equal(t, 100, s.count("CLOSE"))
		})
	}
}

// More than the beginnings of files that are not small is read ahead while programs
// read such files to their end.
func TestBiggerFilesAreReadAheadByNeed(t *testing.T) {
	const files, size = 60, 1 << 20
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, files, size)
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		read := func(i int, to int64) {
			t.Helper()
			file := open(t, f, fmt.Sprintf("/d/%03d", i), sftpconn.Read)
			for at := int64(0); at < to; at += blocks.Size {
				_, err := file.ReadAt(t.Context(), make([]byte, blocks.Size), at)
				require.NoError(t, err)
			}
			require.NoError(t, file.Close(t.Context()))
		}
		assert.LessOrEqual(t, roundTrips(func() {
			for i := range files / 2 {
				read(i, size)
			}
		}), 12)
		synctest.Wait()
		s.mu.Lock()
		before := s.read
		s.mu.Unlock()
		for i := files / 2; i < files; i++ {
			read(i, blocks.Size)
		}
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.LessOrEqual(t, s.read-before, int64(files/2*blocks.SmallFile+mostBoldKiB<<10))
	})
}

// Who picks a few files of a folder gets no more; of a folder that is not big, who
// picks more gets all ahead.
func TestFilesInNoOrder(t *testing.T) {
	for _, test := range []struct {
		files, opened int
		opens, atMost int // OPENs sent, and round trips
	}{
		{100, 2, 2, 4},
		{100, 5, 102, 8},
		{100, 100, 102, 10},
		{1000, 20, 20, 40},
	} {
		t.Run(fmt.Sprintf("%d of %d", test.opened, test.files), func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				putFiles(s, test.files, 1000)
				_, err := f.ReadDir(t.Context(), "/d")
				require.NoError(t, err)
				trips := roundTrips(func() {
					for i := range test.opened {
						readFile(t, s, f, fmt.Sprintf("/d/%03d", (i+1)*37%test.files))
					}
				})
				t.Logf("%d round trips", trips)
				synctest.Wait() // until what is asked for ahead is on its way
				assert.Equal(t, test.opens, s.count("OPEN"))
				assert.LessOrEqual(t, trips, test.atMost)
			})
		})
	}
}

// Who goes from folder to folder in no order, and through the files of each in none,
// as interpreters do, gets those of each folder ahead.
func TestFilesOfManyFoldersInNoOrder(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		const folders, filesEach = 60, 12
		putTree(s, folders, filesEach)
		random := rand.New(rand.NewPCG(1, 1))
		listAll(t, f, "/d")
		trips := roundTrips(func() {
			for _, i := range random.Perm(folders) {
				dir := fmt.Sprintf("/d/%04d", i)
				readFile(t, s, f, dir+"/0")
				for _, j := range random.Perm(filesEach) {
					readFile(t, s, f, fmt.Sprintf("%s/%d", dir, j))
				}
			}
		})
		used, wasted := ahead(f)
		t.Logf("%d round trips, %d used, %d in vain", trips, used, wasted)
		assert.LessOrEqual(t, trips, 880)
	})
}

// changesSinceAhead are what may happen to a file after it was opened ahead.
var changesSinceAhead = map[string]func(*testing.T, *farServer, *FS){
	"nothing": func(*testing.T, *farServer, *FS) {},
	"written here": func(t *testing.T, _ *farServer, f *FS) {
		file := open(t, f, "/d/001", sftpconn.Write)
		write(t, file, []byte("new"), 0)
		require.NoError(t, file.Close(t.Context()))
	},
	"written here, and not acknowledged": func(t *testing.T, _ *farServer, f *FS) {
		file := open(t, f, "/d/001", sftpconn.Write)
		write(t, file, pattern(5000), 7)
		t.Cleanup(func() { _ = file.Close(context.Background()) })
	},
	"cut here": func(t *testing.T, _ *farServer, f *FS) {
		_, err := f.SetAttr(t.Context(), "/d/001", sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 5}})
		require.NoError(t, err)
	},
	"replaced here": func(t *testing.T, s *farServer, f *FS) {
		s.put("/new", []byte("other"))
		require.NoError(t, f.Rename(t.Context(), "/new", "/d/001", true))
	},
	"made anew here": func(t *testing.T, _ *farServer, f *FS) {
		require.NoError(t, f.Remove(t.Context(), "/d/001"))
		file := open(t, f, "/d/001", sftpconn.Write|sftpconn.Create|sftpconn.Excl)
		write(t, file, []byte("anew"), 0)
		require.NoError(t, file.Close(t.Context()))
	},
	"changed elsewhere, and looked at": func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/001", []byte("other"))
		_, err := s.Stat(t.Context(), "/d/001")
		require.NoError(t, err)
		file, _, err := f.Open(t.Context(), "/d/001", sftpconn.Read|sftpconn.Write, 0)
		require.NoError(t, err)
		require.NoError(t, file.Close(t.Context()))
	},
	"changed elsewhere a second ago": func(_ *testing.T, s *farServer, _ *FS) {
		s.put("/d/001", []byte("other"))
		time.Sleep(walk.EarlyAge + time.Millisecond)
	},
	"changed elsewhere within the time that shows": func(_ *testing.T, s *farServer, _ *FS) {
		s.mu.Lock()
		s.nodes["/d/001"] = &node{s.nodes["/d/001"].attr, pattern(2000)[1000:]}
		s.mu.Unlock()
		time.Sleep(walk.StepAge + 2*sweepEvery) // by then it is forgotten
	},
}

// A file that was opened ahead is given to its program only if nothing is known
// to have changed since.
func TestAFileOpenedAheadIsTheFileOfNow(t *testing.T) {
	ctx := context.Background()
	for name, change := range changesSinceAhead {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				putFiles(s, 20, 1000)
				openAhead(t, s, f)
				change(t, s, f)
				file, attr, err := f.Open(ctx, "/d/001", sftpconn.Read, 0)
				require.NoError(t, err)
				got := readAll(t, file.(*File), 128<<10)
				time.Sleep(time.Second) // what is written arrives
				assert.Equal(t, string(s.data("/d/001")), string(got))
				assert.EqualValues(t, len(got), attr.Size)
				require.NoError(t, file.Close(ctx))
			})
		})
	}
}

// What is older than a second is believed once the server has said that it is
// still true, which takes one trip and moves no data.
func TestAFileOpenedAheadIsAskedForAgain(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, 20, 1000)
		openAhead(t, s, f)
		time.Sleep(2 * walk.EarlyAge)
		s.mu.Lock()
		read := s.read
		s.mu.Unlock()
		assert.Equal(t, 1, roundTrips(func() { readFile(t, s, f, "/d/001") }))
		synctest.Wait()
		assert.Equal(t, 0, roundTrips(func() { readFile(t, s, f, "/d/002") }), "asked for at the same time")
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.Equal(t, read, s.read, "nothing is read twice")
	})
}

// A name is free of files that were opened ahead before it is taken away.
func TestFilesOpenedAheadAreClosedBeforeTheirNamesGo(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, 20, 1000)
		openAhead(t, s, f)
		time.Sleep(delay)
		from := len(s.log)
		require.NoError(t, f.Remove(t.Context(), "/d/001"))
		require.NoError(t, f.Rename(t.Context(), "/d/002", "/d/003", true))
		assert.Equal(t, []string{"CLOSE", "REMOVE", "CLOSE", "CLOSE", "RENAME"}, slices.Clone(s.log[from:]))
	})
}

// A file that cannot be opened ahead is left to its program, who is told why.
func TestAFileThatCannotBeOpenedAhead(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, 20, 1000)
		s.mu.Lock()
		s.fail = func(op, path string) error {
			if op == "OPEN" && path == "/d/001" {
				return &sftpconn.StatusError{Op: op, Path: path, Code: sftpconn.StatusPermissionDenied}
			}
			return nil
		}
		s.mu.Unlock()
		openAhead(t, s, f)
		_, _, err := f.Open(t.Context(), "/d/001", sftpconn.Read, 0)
		var status *sftpconn.StatusError
		require.ErrorAs(t, err, &status)
		readFile(t, s, f, "/d/002")
		time.Sleep(walksEnd)
		forgotten(t, f)
	})
}

// A program that does not wait for its open leaves nothing open.
func TestAnOpenAheadThatIsGivenUp(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		putFiles(s, 20, 1000)
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		first := make(chan struct{})
		go func() {
			defer close(first)
			readFile(t, s, f, "/d/000")
		}()
		time.Sleep(delay / 4)
		ctx, cancel := context.WithTimeout(t.Context(), delay/4)
		defer cancel()
		_, _, err = f.Open(ctx, "/d/001", sftpconn.Read, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-first
		time.Sleep(walksEnd)
		forgotten(t, f)
		assert.Equal(t, s.count("OPEN"), s.count("CLOSE"))
	})
}

// An open ahead of a file that was just being changed is not believed.
func TestFreshFileIsOpenedAnew(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", []byte("content"))
		for _, wait := range []time.Duration{0, time.Second, 10 * time.Second} {
			time.Sleep(wait)
			attr, err := f.Stat(t.Context(), "/d/a")
			assert.NoError(t, err)
			file := open(t, f, "/d/a", sftpconn.Read)
			o := &walk.OpenedFile{File: file, Attr: attr, Asked: f.asking(), Told: time.Now()}
			assert.Equal(t, wait > known.SureAge, f.stillTrue(t.Context(), o, "/d/a"), "%v", wait)
			assert.NoError(t, file.Close(t.Context()))
		}
	})
}

// Files that were just written are opened ahead once they can be believed, and not
// in vain before.
func TestFreshFilesAreReadAheadLater(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		for i := range 400 {
			s.put(fmt.Sprintf("/d/%03d", i), pattern(100))
		}
		_, err := f.ReadDir(t.Context(), "/d")
		require.NoError(t, err)
		trips := roundTrips(func() {
			for i := range 400 {
				readFile(t, s, f, fmt.Sprintf("/d/%03d", i))
			}
		})
		assert.LessOrEqual(t, trips, int((known.SureAge+time.Second)/delay)+12)
		_, wasted := ahead(f)
		assert.Zero(t, wasted)
		assert.Equal(t, 400, s.count("OPEN"))
	})
}
