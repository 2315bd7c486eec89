package sftptest

import (
	"errors"
	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// copyTests are about what the server copies from file to file.
var copyTests = map[string]func(*fixture){
	"Whole":       testCopyWhole,
	"Ranges":      testCopyRanges,
	"Interrupted": testCopyInterrupted,
	"Unflushed":   testCopyUnflushed,
	"Impossible":  testCopyImpossible,
	"Lacking":     testCopyLacking,
}

// The size is more than a chunk of sftpconn's.
func testCopyWhole(f *fixture) {
	f.needs(CopyData)
	const size = 65 << 20
	content, end := pattern(2<<20), int64(size-2<<20)
	path := f.put("src", content[:1<<20])
	f.patch(path, content, end)
	src := f.open(path, sftpconn.Read, 0)
	dst := f.open(f.path("dst"), sftpconn.Write|sftpconn.Create, 0o644)
	n, err := dst.CopyFrom(f.ctx, src, 0, 0, 1<<30)
	require.NoError(f, err)
	assert.EqualValues(f, size, n)
	require.NoError(f, dst.Flush(f.ctx))
	f.seenAsOnDisk(f.path("dst"))
	f.sameFiles(path, f.path("dst"))
}

func testCopyRanges(f *fixture) {
	f.needs(CopyData)
	src := f.open(f.put("src", []byte("0123456789")), sftpconn.Read, 0)
	dst := f.open(f.put("dst", []byte("abcdefghijkl")), sftpconn.Read|sftpconn.Write, 0)
	want := []byte("abcdefghijkl")
	for _, test := range []struct{ srcOff, off, n, copied int64 }{
		{0, 0, 3, 3},
		{4, 8, 4, 4},
		{8, 1, 100, 2}, // past the end of the source
		{10, 0, 5, 0},  // at its end
		{99, 0, 5, 0},
		{0, 10, 10, 10}, // makes it longer
		{0, 30, 2, 2},   // leaves a hole
		{1, 3, 1, 1},
	} {
		f.sameBytes(want, f.read(dst, len(want))) // so that it is in memory
		n, err := dst.CopyFrom(f.ctx, src, test.srcOff, test.off, test.n)
		require.NoError(f, err, "%+v", test)
		require.Equal(f, test.copied, n, "%+v", test)
		if end := int(test.off + n); n > 0 && end > len(want) {
			want = append(want, make([]byte, end-len(want))...)
		}
		copy(want[test.off:], "0123456789"[min(test.srcOff, 10):min(test.srcOff+n, 10)])
		f.sameBytes(want, f.read(dst, len(want)))
		attr, err := dst.Attr(f.ctx)
		require.NoError(f, err)
		assert.EqualValues(f, len(want), attr.Size, "%+v", test)
	}
	f.contentOnDisk(f.path("dst"), want)
}

// A signal ends a long copy early, with what was copied by then.
func testCopyInterrupted(f *fixture) {
	f.needs(CopyData)
	const size = 1 << 30
	path := f.put("src", nil)
	require.NoError(f, os.Truncate(path, size))
	src := f.open(path, sftpconn.Read, 0)
	dst := f.open(f.path("dst"), sftpconn.Write|sftpconn.Create, 0o644)
	interrupt := make(chan struct{})
	close(interrupt)
	n, err := dst.CopyFrom(sftpconn.WithInterrupt(f.ctx, interrupt), src, 0, 0, size)
	require.NoError(f, err)
	assert.Positive(f, n)
	assert.Less(f, n, int64(size))
	attr, err := dst.Attr(f.ctx)
	require.NoError(f, err)
	assert.EqualValues(f, n, attr.Size)
}

// What was written to either file comes before the copy.
func testCopyUnflushed(f *fixture) {
	f.needs(CopyData)
	content := pattern(5 << 20)
	src := f.open(f.path("src"), sftpconn.Read|sftpconn.Write|sftpconn.Create, 0o644)
	require.NoError(f, src.Write(content, 0).Wait(f.ctx))
	dst := f.open(f.path("dst"), sftpconn.Write|sftpconn.Create, 0o644)
	require.NoError(f, dst.Write(make([]byte, 6<<20), 0).Wait(f.ctx))
	n, err := dst.CopyFrom(f.ctx, src, 1000, 2000, 4<<20)
	require.NoError(f, err)
	assert.EqualValues(f, 4<<20, n)
	require.NoError(f, dst.Write([]byte("after"), 2000).Wait(f.ctx))
	require.NoError(f, dst.Flush(f.ctx))
	want := make([]byte, 6<<20)
	copy(want[2000:], content[1000:1000+4<<20])
	copy(want[2000:], "after")
	f.contentOnDisk(f.path("dst"), want)
}

func testCopyImpossible(f *fixture) {
	content := []byte("0123456789")
	src := f.open(f.put("src", content), sftpconn.Read, 0)
	same := f.open(f.path("src"), sftpconn.Write, 0)
	_, err := same.CopyFrom(f.ctx, src, 0, 20, 10)
	assert.ErrorIs(f, err, errors.ErrUnsupported, "a file to itself")

	appending := f.open(f.put("log", content), sftpconn.Write|sftpconn.Append, 0)
	_, err = appending.CopyFrom(f.ctx, src, 0, 20, 10)
	assert.ErrorIs(f, err, errors.ErrUnsupported, "to a file opened for appending")

	// On another channel it could not be opened any more.
	require.NoError(f, f.fs.Remove(f.ctx, f.path("src")))
	dst := f.open(f.path("dst"), sftpconn.Write|sftpconn.Create, 0o644)
	n, err := dst.CopyFrom(f.ctx, src, 0, 0, 10)
	if err == nil {
		assert.EqualValues(f, 10, n)
		f.contentOnDisk(f.path("dst"), content)
	} else {
		assert.ErrorIs(f, err, errors.ErrUnsupported, "from a file that was removed")
		f.contentOnDisk(f.path("dst"), nil)
	}
	f.contentOnDisk(f.path("log"), content)
}

func testCopyLacking(f *fixture) {
	if f.has(CopyData) {
		f.Skip("the server has copy-data")
	}
	src := f.open(f.put("src", []byte("0123456789")), sftpconn.Read, 0)
	dst := f.open(f.path("dst"), sftpconn.Write|sftpconn.Create, 0o644)
	_, err := dst.CopyFrom(f.ctx, src, 0, 0, 10)
	assert.ErrorIs(f, err, errors.ErrUnsupported)
}
