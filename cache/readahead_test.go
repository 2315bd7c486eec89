package cache

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/blocks"
	"sftpmount/sftpconn"
)

// readAll reads a file in pieces, as the kernel does.
func readAll(t *testing.T, f *File, piece int) []byte {
	t.Helper()
	var all []byte
	p := make([]byte, piece)
	for {
		n, err := f.ReadAt(t.Context(), p, int64(len(all)))
		all = append(all, p[:n]...)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
	}
}

// sameContent reads a long file piece by piece, and compares.
func sameContent(t *testing.T, want []byte, f *File, piece int) {
	t.Helper()
	p := make([]byte, piece)
	for at := 0; ; {
		n, err := f.ReadAt(t.Context(), p, int64(at))
		if !bytes.Equal(want[at:min(at+n, len(want))], p[:n]) {
			t.Errorf("other bytes in %d at %d", n, at)
			return
		}
		at += n
		if err != nil {
			assert.Equal(t, io.EOF, err)
			assert.Equal(t, len(want), at)
			return
		}
	}
}

func TestSmallFileTakesTwoRoundTrips(t *testing.T) {
	for _, size := range []int{0, 1, 4096, 100_000, 128 << 10, 200_000, 256 << 10} {
		far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
			s.put("/d/a", pattern(size))
			assert.Equal(t, 2, roundTrips(func() {
				file := open(t, f, "/d/a", sftpconn.Read)
				// The kernel asks for whole pages.
				p := make([]byte, max(size+4095, 4096)/4096*4096)
				n, err := file.ReadAt(t.Context(), p, 0)
				if size < len(p) {
					require.ErrorIs(t, err, io.EOF)
				}
				assert.Equal(t, pattern(size), p[:n])
				require.NoError(t, file.Flush(t.Context()))
				require.NoError(t, file.Close(t.Context()))
			}), size)
			assert.Equal(t, 1, roundTrips(func() {
				require.NoError(t, open(t, f, "/d/a", sftpconn.Read).Close(t.Context()))
			}), "asked again at every open")
		})
	}
}

func TestSequentialReadsAreAhead(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(64<<20 + 12345)
		s.put("/d/a", content)
		file := open(t, f, "/d/a", sftpconn.Read)
		trips := roundTrips(func() { sameContent(t, content, file, blocks.Size) })
		assert.LessOrEqual(t, trips, 15, "64 MiB, 16 MiB at once in the end")
		assert.EqualValues(t, len(content), s.read, "nothing is read twice")
	})
}

// Of programs that look at the beginnings of files, or at parts of one, more is read
// ahead boldly only as long as little of that is in vain.
func TestBoldnessIsBounded(t *testing.T) {
	const files, size = 200, 4 << 20
	for name, read := range map[string]func(t *testing.T, f *File){
		"Beginnings": func(t *testing.T, f *File) {
			for off := int64(0); off < 2*blocks.Size; off += blocks.Size {
				_, err := f.ReadAt(t.Context(), make([]byte, blocks.Size), off)
				require.NoError(t, err)
			}
		},
		"Parts": func(t *testing.T, f *File) {
			for off := int64(0); off < 4*blocks.Size; off += blocks.Size {
				_, err := f.ReadAt(t.Context(), make([]byte, 4096), off)
				require.NoError(t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				s.put("/d/a", pattern(size))
				for range files {
					file := open(t, f, "/d/a", sftpconn.Read)
					read(t, file)
					require.NoError(t, file.Close(t.Context()))
				}
				timid := int64(files * 8 * blocks.Size) // as far again as they come
				s.mu.Lock()
				defer s.mu.Unlock()
				assert.LessOrEqual(t, s.read, timid+mostBoldKiB<<10+60*boldKiB<<10)
			})
		})
	}
}

// Parts of a file that are read here and there bring nothing along, unless they are
// beside each other (around.go).
func TestRandomReadsBringNothingAlong(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(1 << 20)
		for range 5 {
			content = append(content, content...)
		}
		s.put("/d/a", content)
		file := open(t, f, "/d/a", sftpconn.Read)
		random := rand.New(rand.NewPCG(1, 1))
		p := make([]byte, 4096)
		for _, block := range random.Perm(len(content) / blocks.Size)[:100] {
			off := int64(block)*blocks.Size + random.Int64N(blocks.Size)&^4095
			assert.Equal(t, 1, roundTrips(func() {
				_, err := file.ReadAt(t.Context(), p, off)
				require.NoError(t, err)
			}))
			require.True(t, bytes.Equal(content[off:off+4096], p))
		}
		assert.LessOrEqual(t, s.read, int64(2<<20))
	})
}

// The kernel's reads overtake each other a little, and programs read in two
// places at once.
func TestStreamsAreRecognised(t *testing.T) {
	order := map[string]func(i int) int{
		"Swapped": func(i int) int { return i ^ 1 },
		"Two": func(i int) int {
			return i/2 + i%2*128
		},
	}
	for name, at := range order {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				content := pattern(256 * blocks.Size)
				s.put("/d/a", content)
				file := open(t, f, "/d/a", sftpconn.Read)
				p := make([]byte, blocks.Size)
				assert.LessOrEqual(t, roundTrips(func() {
					for i := range 256 {
						off := at(i) * blocks.Size
						_, err := file.ReadAt(t.Context(), p, int64(off))
						require.NoError(t, err)
						require.True(t, bytes.Equal(content[off:off+blocks.Size], p), i)
					}
				}), 25)
			})
		})
	}
}

// Whoever comes while a block is on its way waits for it.
func TestReadersJoin(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", pattern(100_000))
		file := open(t, f, "/d/a", sftpconn.Read)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				p := make([]byte, 5000)
				_, err := file.ReadAt(t.Context(), p, int64(i*5000))
				assert.NoError(t, err)
				assert.Equal(t, pattern(100_000)[i*5000:(i+1)*5000], p)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 100_000, s.read)
	})
}

// The room for reading ahead is shared.
func TestManyReadersShare(t *testing.T) {
	far(t, Options{ReadBuffer: 4 << 20}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(4 << 20)
		var wg sync.WaitGroup
		for i := range 16 {
			path := "/d/" + string(rune('a'+i))
			s.put(path, content)
			wg.Go(func() {
				file := open(t, f, path, sftpconn.Read)
				sameContent(t, content, file, blocks.Size)
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, s.read, int64(17*len(content)), "little is read in vain")
	})
}

// Of what was read ahead nothing is believed after a change.
func TestChangesAreRead(t *testing.T) {
	changes := map[string]func(t *testing.T, s *farServer, f *FS, file *File){
		"Write": func(t *testing.T, _ *farServer, _ *FS, file *File) {
			write(t, file, bytes.Repeat([]byte("new"), 100_000), 0)
		},
		"OtherHandle": func(t *testing.T, _ *farServer, f *FS, _ *File) {
			write(t, open(t, f, "/d/a", sftpconn.Write), bytes.Repeat([]byte("new"), 100_000), 0)
		},
		"Truncate": func(t *testing.T, _ *farServer, f *FS, _ *File) {
			_, err := f.SetAttr(t.Context(), "/d/a", setSize(200_000))
			require.NoError(t, err)
		},
		"Extend": func(t *testing.T, _ *farServer, _ *FS, file *File) {
			write(t, file, []byte("new"), 400_000)
		},
		"Elsewhere": func(t *testing.T, s *farServer, f *FS, _ *File) {
			s.put("/d/a", pattern(1234))
			_, _, err := f.Open(t.Context(), "/d/a", sftpconn.Read, 0)
			require.NoError(t, err)
		},
		"Invalidated": func(_ *testing.T, s *farServer, f *FS, _ *File) {
			s.mu.Lock()
			copy(s.nodes["/d/a"].data, "changed")
			s.mu.Unlock()
			f.Invalidate("/d/a")
		},
		"Old": func(_ *testing.T, s *farServer, _ *FS, _ *File) {
			s.mu.Lock()
			copy(s.nodes["/d/a"].data, "changed")
			s.mu.Unlock()
			time.Sleep(blocks.Age + 1)
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
				s.put("/d/a", pattern(300_000))
				file := open(t, f, "/d/a", sftpconn.Read|sftpconn.Write)
				p := make([]byte, 1000)
				_, err := file.ReadAt(t.Context(), p, 0) // and more is read ahead
				require.NoError(t, err)
				change(t, s, f, file)
				got := readAll(t, file, 50_000)
				farHandle := file.under.(*farFile)
				require.NoError(t, file.Flush(t.Context()))
				s.mu.Lock()
				want := farHandle.node.data
				s.mu.Unlock()
				assert.True(t, bytes.Equal(want, got))
			})
		})
	}
}

// A file that has grown elsewhere is read on, without a new open.
func TestGrownFileIsReadOn(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(500_000)
		s.put("/d/a", bytes.Clone(content[:100_000]))
		file := open(t, f, "/d/a", sftpconn.Read)
		got := readAll(t, file, blocks.Size)
		s.mu.Lock()
		s.nodes["/d/a"].data = bytes.Clone(content)
		s.mu.Unlock()
		p := make([]byte, len(content))
		n, err := file.ReadAt(t.Context(), p[len(got):], int64(len(got)))
		require.NoError(t, err)
		assert.Equal(t, len(content)-len(got), n)
		file2 := open(t, f, "/d/a", sftpconn.Read)
		assert.True(t, bytes.Equal(content, readAll(t, file2, blocks.Size)))
	})
}

// A small file that has grown since it was opened is read on to where it ends now.
func TestSmallFileThatGrewIsReadOn(t *testing.T) {
	far(t, Options{}, func(t *testing.T, s *farServer, f *FS) {
		content := pattern(100_000)
		s.put("/d/a", content[:1000])
		file := open(t, f, "/d/a", sftpconn.Read)
		s.mu.Lock()
		s.nodes["/d/a"].data = content
		s.mu.Unlock()
		p := make([]byte, 64<<10)
		n, err := file.ReadAt(t.Context(), p, 0)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(content[:len(p)], p[:n]))
		n, err = file.ReadAt(t.Context(), p, 64<<10)
		require.ErrorIs(t, err, io.EOF)
		assert.True(t, bytes.Equal(content[64<<10:], p[:n]))
	})
}

func TestNoReadAhead(t *testing.T) {
	far(t, Options{NoReadAhead: true}, func(t *testing.T, s *farServer, f *FS) {
		s.put("/d/a", pattern(1<<20))
		file := open(t, f, "/d/a", sftpconn.Read)
		p := make([]byte, 1000)
		_, err := file.ReadAt(t.Context(), p, 0)
		require.NoError(t, err)
		time.Sleep(time.Second)
		assert.EqualValues(t, 1000, s.read)
	})
}

// Memory is bounded while nobody reads what was read ahead.
func TestBlocksAreBounded(t *testing.T) {
	far(t, Options{ReadBuffer: 2 << 20}, func(t *testing.T, s *farServer, f *FS) {
		for i := range 50 {
			path := "/d/" + string(rune('a'+i))
			s.put(path, pattern(256<<10))
			file := open(t, f, path, sftpconn.Read)
			p := make([]byte, 10)
			_, err := file.ReadAt(t.Context(), p, 0)
			require.NoError(t, err)
			assert.LessOrEqual(t, f.readBuffer.ahead.Bytes(), int64(16*blocks.Size))
			time.Sleep(blockIdle)
			if i%5 == 0 {
				require.NoError(t, file.Close(t.Context()))
			}
		}
		assert.Equal(t, 50, s.count("OPEN"))
	})
}
