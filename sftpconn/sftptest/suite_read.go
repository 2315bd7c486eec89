package sftptest

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var readTests = map[string]func(*fixture){
	"End":       testReadEnd,
	"Empty":     testReadEmpty,
	"Long":      testReadLong,
	"Pieces":    testReadPieces,
	"Random":    testReadRandom,
	"Sparse":    testReadSparse,
	"ManyFiles": testReadManyFiles,
	"Unlinked":  testReadUnlinked,
}

// longSize is more than any request, window or small number of them.
const longSize = 5<<20 + 17

func testReadEnd(f *fixture) {
	content := []byte("0123456789")
	file := f.open(f.put("file", content), sftpconn.Read, 0)
	for _, c := range []struct {
		off  int64
		n    int
		want string
		eof  bool
	}{
		{0, 10, "0123456789", false},
		{0, 5, "01234", false},
		{5, 5, "56789", false},
		{5, 6, "56789", true},
		{0, 1 << 20, "0123456789", true},
		{9, 100, "9", true},
		{10, 1, "", true},
		{11, 1, "", true},
		{1 << 40, 1 << 20, "", true},
		{3, 0, "", false},
	} {
		p := make([]byte, c.n+8)
		n, err := file.ReadAt(f.ctx, p[:c.n], c.off)
		assert.Equal(f, c.want, string(p[:n]), "%+v", c)
		if c.eof {
			assert.Equal(f, io.EOF, err, "%+v", c)
		} else if err != nil { // as io.ReaderAt has it, EOF may come with the last bytes
			assert.Equal(f, io.EOF, err, "%+v", c)
		}
		assert.Equal(f, make([]byte, 8), p[c.n:], "beyond the buffer: %+v", c)
	}
}

func testReadEmpty(f *fixture) {
	file := f.open(f.put("file", nil), sftpconn.Read, 0)
	n, err := file.ReadAt(f.ctx, make([]byte, 10), 0)
	assert.Zero(f, n)
	assert.Equal(f, io.EOF, err)
}

func testReadLong(f *fixture) {
	content := pattern(longSize)
	file := f.open(f.put("file", content), sftpconn.Read, 0)
	f.sameBytes(content, f.read(file, longSize))

	p := make([]byte, longSize+1<<20)
	n, err := file.ReadAt(f.ctx, p, 0)
	assert.Equal(f, io.EOF, err)
	f.sameBytes(content, p[:n])
}

func testReadPieces(f *fixture) {
	for _, size := range []int{4096, 100_000, 1 << 20} {
		content := pattern(min(longSize, 99*size))
		file := f.open(f.put("file", content), sftpconn.Read, 0)
		var got []byte
		for p := make([]byte, size); ; {
			n, err := file.ReadAt(f.ctx, p, int64(len(got)))
			got = append(got, p[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(f, err)
		}
		f.sameBytes(content, got)
		require.NoError(f, file.Close(f.ctx))
	}
}

func testReadRandom(f *fixture) {
	content := pattern(longSize)
	file := f.open(f.put("file", content), sftpconn.Read, 0)
	var wg sync.WaitGroup
	for reader := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(reader)))
			for range 40 {
				off := random.IntN(longSize)
				p := make([]byte, random.IntN(300_000))
				n, err := file.ReadAt(f.ctx, p, int64(off))
				want := content[off:min(off+len(p), longSize)]
				f.sameBytes(want, p[:n])
				if n < len(p) {
					assert.Equal(f, io.EOF, err)
				}
			}
		})
	}
	wg.Wait()
}

func testReadSparse(f *fixture) {
	const far = 1 << 40
	path := f.put("file", []byte("near"))
	f.patch(path, []byte("far"), far)
	file := f.open(path, sftpconn.Read, 0)
	p := make([]byte, 10)
	n, err := file.ReadAt(f.ctx, p, far-2)
	assert.Equal(f, io.EOF, err)
	assert.Equal(f, "\x00\x00far", string(p[:n]))
	n, _ = file.ReadAt(f.ctx, p, 0)
	assert.Equal(f, "near\x00\x00\x00\x00\x00\x00", string(p[:n]))
}

func testReadManyFiles(f *fixture) {
	var files []sftpconn.File
	for i := range 64 {
		files = append(files, f.open(f.put("file "+octal(uint32(i)), pattern(i*1000)), sftpconn.Read, 0))
	}
	for i, file := range files {
		f.sameBytes(pattern(i*1000), f.read(file, i*1000))
	}
}

func testReadUnlinked(f *fixture) {
	content := pattern(longSize)
	path := f.put("file", content)
	file := f.open(path, sftpconn.Read, 0)
	f.sameBytes(content[:1000], f.readAt(file, 1000, 0))
	require.NoError(f, f.fs.Remove(f.ctx, path))
	// A new file of that name is another file.
	f.create("file", []byte("other"))
	f.sameBytes(content, f.read(file, longSize))
}

// read reads the first n bytes.
func (f *fixture) read(file sftpconn.File, n int) []byte {
	f.Helper()
	return f.readAt(file, n, 0)
}

func (f *fixture) readAt(file sftpconn.File, n int, off int64) []byte {
	f.Helper()
	p := make([]byte, n)
	got, err := file.ReadAt(f.ctx, p, off)
	if !errors.Is(err, io.EOF) {
		require.NoError(f, err)
	}
	require.Equal(f, n, got)
	return p
}
