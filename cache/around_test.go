package cache

import (
	"bytes"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

const page = 4096

func readPage(t *testing.T, f *File, i int) []byte {
	p := make([]byte, page)
	n, err := f.ReadAt(t.Context(), p, int64(i)*page)
	require.NoError(t, err)
	return p[:n]
}

// readScattered reads the pages in the order given by several programs side by side,
// each page once: the kernel keeps what it has read.
func readScattered(t *testing.T, f *FS, content []byte, pages []int) {
	const programs = 4
	var all sync.WaitGroup
	for program := range programs {
		file := open(t, f, "/d/a", sftpconn.Read)
		all.Go(func() {
			for i := program; i < len(pages); i += programs {
				want := content[pages[i]*page:][:page]
				if !bytes.Equal(want, readPage(t, file, pages[i])) {
					t.Errorf("other bytes in page %d", pages[i])
				}
			}
		})
		defer func() { require.NoError(t, file.Close(t.Context())) }()
	}
	all.Wait()
}

func shuffled(n int) []int { return rand.New(rand.NewPCG(1, 1)).Perm(n) }

// Where records are looked up in a file that can be kept, what is around them is
// fetched.
func TestScatteredReadsAreReadAround(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(32 << 20)
		s.put("/d/a", content)
		pages := shuffled(len(content) / page)
		trips := roundTrips(func() { readScattered(t, f, content, pages) })
		t.Log(trips, "round trips")
		assert.LessOrEqual(t, trips, len(pages)/4/10, "a tenth of what each program reads")
		assert.LessOrEqual(t, s.read, int64(len(content))*3/2)
	})
}

// What is fetched in vain is bounded, be there room for all of the file or not.
func TestScatteredReadsWasteLittle(t *testing.T) {
	for _, size := range []int{32 << 20, 96 << 20} {
		far(t, Options{ReadBuffer: 32 << 20}, func(t *testing.T, s *farServer, f *FS) {
			content := pattern(size)
			s.put("/d/a", content)
			begun := time.Now()
			readScattered(t, f, content, shuffled(size/page))
			inVain := func(name string, b *blockStore, most int) {
				most += boldKiB * int(time.Since(begun)/time.Second)
				outcome := b.Outcome()
				assert.LessOrEqual(t, outcome.Wasted, outcome.Used/4+uint64(most)<<10, "%s of %d MiB", name, size>>20)
			}
			inVain("ahead", f.readBuffer.ahead, mostBoldKiB)
			inVain("around", f.readBuffer.around, 32<<10)
		})
	}
}

// Where as much is written as is read, what is read around is in vain, and that ends.
func TestReadAroundWhatIsWritten(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(8 << 20)
		s.put("/d/a", content)
		file := open(t, f, "/d/a", sftpconn.Read|sftpconn.Write)
		for range 4 {
			pages := shuffled(len(content) / page)
			for i, read := range pages {
				assert.Equal(t, content[read*page:][:page], readPage(t, file, read))
				written := pages[(i+len(pages)/2)%len(pages)] * page
				require.NoError(t, file.Write(content[written:][:page], int64(written)).Wait(t.Context()))
			}
		}
		assert.LessOrEqual(t, f.readBuffer.around.Outcome().Wasted, uint64(32<<20))
	})
}

// What was read around is given to another File only while that reads the same file.
func TestReadAroundIsShared(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content, other := pattern(16<<20), pattern(17 << 20)[1<<20:]
		lookUp := func(file *File, pages ...int) {
			for _, i := range pages {
				readPage(t, file, i)
			}
		}
		s.put("/d/a", content)
		first := open(t, f, "/d/a", sftpconn.Read|sftpconn.Write)
		second := open(t, f, "/d/a", sftpconn.Read)
		lookUp(first, 100, 1000, 2000, 110)
		assert.Zero(t, roundTrips(func() { assert.Equal(t, content[101*page:102*page], readPage(t, second, 101)) }))

		time.Sleep(2 * time.Second)
		s.put("/d/a", other) // its first node stays open
		third := open(t, f, "/d/a", sftpconn.Read)
		lookUp(first, 3000, 3500, 102)
		assert.Equal(t, other[103*page:104*page], readPage(t, third, 103), "first has what was there before")
		lookUp(third, 1500, 2500, 3000, 104)
		assert.Zero(t, roundTrips(func() { assert.Equal(t, other[105*page:106*page], readPage(t, third, 105)) }))
	})
}

// What was changed on the server within the second in which it had been changed before
// is seen by who opens it then, and so it is by who has it open: the kernel has the same
// pages for both.
func TestReadAroundIsDroppedWhileItsTimeIsNew(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content, other := pattern(16<<20), pattern(17 << 20)[1<<20:]
		s.put("/d/a", bytes.Clone(content))
		first := open(t, f, "/d/a", sftpconn.Read)
		for _, i := range []int{100, 1000, 2000, 110} {
			readPage(t, first, i)
		}
		for i := range 70 {
			readPage(t, first, i)
		}
		s.mu.Lock()
		copy(s.nodes["/d/a"].data, other)
		s.mu.Unlock()
		second := open(t, f, "/d/a", sftpconn.Read)
		for _, file := range []*File{first, second} {
			assert.Equal(t, other[101*page:102*page], readPage(t, file, 101))
			assert.Equal(t, other[70*page:71*page], readPage(t, file, 70), "which was read ahead")
		}
	})
}

// What is written, or cut off, is seen at once by who looks it up through another File.
func TestReadAroundIsFresh(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", pattern(16<<20))
		reader, writer := open(t, f, "/d/a", sftpconn.Read), open(t, f, "/d/a", sftpconn.Write)
		for _, i := range []int{100, 1000, 2000, 110} {
			readPage(t, reader, i)
		}
		assert.Zero(t, roundTrips(func() { readPage(t, reader, 105) }), "all of the block was read")
		require.NoError(t, writer.Write([]byte("new"), 101*page).Wait(t.Context()))
		assert.Equal(t, "new", string(readPage(t, reader, 101)[:3]))
		require.NoError(t, writer.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 103 * page}}).Wait(t.Context()))
		n, err := reader.ReadAt(t.Context(), make([]byte, page), 105*page)
		assert.Zero(t, n)
		assert.ErrorIs(t, err, io.EOF)
	})
}

// Who looks up what was fetched through a File that is being closed reads it all the same.
func TestReadAroundOutlivesItsFile(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(16 << 20)
		s.put("/d/a", content)
		first, second := open(t, f, "/d/a", sftpconn.Read), open(t, f, "/d/a", sftpconn.Read)
		for _, i := range []int{100, 1000, 2000} {
			readPage(t, first, i)
		}
		var all sync.WaitGroup
		all.Go(func() { readPage(t, first, 110) })
		synctest.Wait()
		all.Go(func() { assert.Equal(t, content[101*page:102*page], readPage(t, second, 101)) })
		synctest.Wait()
		require.NoError(t, first.Close(t.Context()))
		all.Wait()
		assert.Equal(t, content[102*page:103*page], readPage(t, second, 102))
	})
}

// What the kernel does not keep is read again from the server.
func TestNoReadAround(t *testing.T) {
	far(t, Options{NoReadAround: true}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", pattern(16<<20))
		file := open(t, f, "/d/a", sftpconn.Read)
		for range 3 {
			for _, i := range []int{100, 1000, 2000} {
				assert.Equal(t, 1, roundTrips(func() { readPage(t, file, i) }))
			}
		}
	})
}
