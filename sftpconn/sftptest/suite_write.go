package sftptest

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var writeTests = map[string]func(*fixture){
	"Long":        testWriteLong,
	"Shuffled":    testWriteShuffled,
	"Overlapping": testWriteOverlapping,
	"BeforeRead":  testWriteBeforeRead,
	"BeforeSize":  testWriteBeforeSize,
	"Sparse":      testWriteSparse,
	"Nothing":     testWriteNothing,
	"WaitAgain":   testWriteWaitAgain,
	"ErrorOnce":   testWriteErrorOnce,
	"Sync":        testSync,
	"ThenClose":   testWriteThenClose,
}

const writeNew = sftpconn.Read | sftpconn.Write | sftpconn.Create

func testWriteLong(f *fixture) {
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	content := pattern(longSize)
	require.NoError(f, file.Write(content, 0).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, content)
	f.sameBytes(content, f.read(file, longSize))
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	f.sameOnDisk(path, attr)
}

// Many writes under way at once, at shuffled offsets, awaited in another order.
func testWriteShuffled(f *fixture) {
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	content := pattern(longSize)
	const piece = 40_001
	var offsets []int
	for off := 0; off < longSize; off += piece {
		offsets = append(offsets, off)
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(offsets), func(i, j int) { offsets[i], offsets[j] = offsets[j], offsets[i] })
	var started []sftpconn.Pending
	for _, off := range offsets {
		started = append(started, file.Write(content[off:min(off+piece, longSize)], int64(off)))
	}
	random.Shuffle(len(started), func(i, j int) { started[i], started[j] = started[j], started[i] })
	for _, pending := range started {
		require.NoError(f, pending.Wait(f.ctx))
	}
	require.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, content)
}

// The write that was started last wins.
func testWriteOverlapping(f *fixture) {
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	want := make([]byte, 1000)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 200 {
		off := random.IntN(900)
		p := make([]byte, random.IntN(100)+1)
		for j := range p {
			p[j] = byte(i)
		}
		copy(want[off:], p)
		file.Write(p, int64(off))
	}
	file.Write([]byte{7}, 999)
	want[999] = 7
	require.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, want)
}

// A read that is started after a write sees it, also if nobody waited between.
func testWriteBeforeRead(f *fixture) {
	path := f.put("file", make([]byte, 1000))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	for i := range 50 {
		p := []byte{byte(i), byte(i + 1), byte(i + 2)}
		pending := file.Write(p, int64(i*10))
		f.sameBytes(p, f.readAt(file, 3, int64(i*10)))
		require.NoError(f, pending.Wait(f.ctx))
	}
}

// WRITE, FSETSTAT, WRITE happen in this order.
func testWriteBeforeSize(f *fixture) {
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	for range 20 {
		file.Write(pattern(300_000), 0)
		file.SetAttr(setSize(10))
		file.Write([]byte("end"), 50)
		file.SetAttr(setMode(0o600))
		require.NoError(f, file.Flush(f.ctx))
		want := make([]byte, 53)
		copy(want, pattern(10))
		copy(want[50:], "end")
		f.contentOnDisk(path, want)
	}
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	f.sameOnDisk(path, attr)
}

func testWriteSparse(f *fixture) {
	const far = 1 << 40
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	require.NoError(f, file.Write([]byte("far"), far).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	attr, err := file.Attr(f.ctx)
	require.NoError(f, err)
	assert.EqualValues(f, far+3, attr.Size)
	f.sameOnDisk(path, attr)
	f.sameBytes([]byte("\x00\x00far"), f.readAt(file, 5, far-2))
}

func testWriteNothing(f *fixture) {
	path := f.put("file", []byte("kept"))
	file := f.open(path, sftpconn.Write, 0)
	require.NoError(f, file.Write(nil, 100).Wait(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, []byte("kept"))
}

// A Wait that is given up changes nothing, and its outcome can be had later.
func testWriteWaitAgain(f *fixture) {
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	ended, cancel := context.WithCancel(f.ctx)
	cancel()
	content := pattern(1 << 20)
	pending := file.Write(content, 0)
	if err := pending.Wait(ended); err != nil { // it may have been quick
		require.ErrorIs(f, err, context.Canceled)
	}
	require.NoError(f, pending.Wait(f.ctx))
	require.NoError(f, pending.Wait(f.ctx))
	if err := file.Flush(ended); err != nil {
		require.ErrorIs(f, err, context.Canceled)
	}
	require.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, content)
}

// Flush reports an error once, and does not take it from Wait or give it to it.
func testWriteErrorOnce(f *fixture) {
	file := f.open(f.put("file", nil), sftpconn.Read, 0)
	require.NoError(f, file.Flush(f.ctx))
	_ = file.Write([]byte("x"), 0).Wait(f.ctx)
	require.Error(f, file.Flush(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
	file.Write([]byte("x"), 0)
	require.Error(f, file.Flush(f.ctx))
	require.NoError(f, file.Flush(f.ctx))
}

func testSync(f *fixture) {
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	pending := file.Write([]byte("durable"), 0)
	err := file.Sync(f.ctx)
	if !f.has(Fsync) {
		require.ErrorIs(f, err, errors.ErrUnsupported)
	} else {
		require.NoError(f, err)
		f.contentOnDisk(path, []byte("durable"))
	}
	require.NoError(f, pending.Wait(f.ctx))
}

// Close does not wait, and takes nothing back that was flushed.
func testWriteThenClose(f *fixture) {
	content := pattern(100_000)
	for range 10 {
		path := f.path("file")
		file, _, err := f.fs.Open(f.ctx, path, writeNew|sftpconn.Excl, 0o644)
		require.NoError(f, err)
		file.Write(content, 0)
		require.NoError(f, file.Flush(f.ctx))
		require.NoError(f, file.Close(f.ctx))
		f.contentOnDisk(path, content)
		f.seenAsOnDisk(path)
		require.NoError(f, f.fs.Remove(f.ctx, path))
	}
}
