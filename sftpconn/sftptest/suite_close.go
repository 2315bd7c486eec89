package sftptest

import (
	"context"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var closeTests = map[string]func(*fixture){
	"FileClose":   testFileClose,
	"AfterClose":  testAfterClose,
	"DuringClose": testDuringClose,
	"Twice":       testCloseTwice,
}

// Closing one file leaves another on the same path open.
func testFileClose(f *fixture) {
	path := f.put("file", []byte("content"))
	one, two := f.open(path, sftpconn.Read, 0), f.open(path, sftpconn.Read, 0)
	require.NoError(f, one.Close(f.ctx))
	f.sameBytes([]byte("content"), f.read(two, 7))
}

func testAfterClose(f *fixture) {
	path := f.put("file", []byte("content"))
	file := f.open(path, sftpconn.Read|sftpconn.Write, 0)
	f.soon("Close", func() { require.NoError(f, f.fs.Close()) })

	// Paths that nothing can be remembered of.
	for name, operation := range operations(f.fs, f.path("unknown")) {
		f.soon(name, func() { assert.Error(f, operation(f.ctx), name) })
	}
	for name, operation := range creations(f.fs, f.path("unknown")) {
		f.soon(name, func() { assert.Error(f, operation(f.ctx), name) })
	}
	f.soon("RealPath", func() {
		_, err := f.fs.RealPath(f.ctx, "")
		assert.Error(f, err)
	})
	f.soon("File.ReadAt", func() {
		_, err := file.ReadAt(f.ctx, make([]byte, 7), 0)
		assert.Error(f, err)
	})
	f.soon("File.Write", func() {
		_ = file.Write([]byte("x"), 0).Wait(f.ctx)
		assert.Error(f, file.Flush(f.ctx))
	})
	f.soon("File.SetAttr", func() {
		_ = file.SetAttr(setSize(0)).Wait(f.ctx)
		assert.Error(f, file.Flush(f.ctx))
	})
	f.soon("File.Sync", func() { assert.Error(f, file.Sync(f.ctx)) })
	f.soon("File.Close", func() { _ = file.Close(f.ctx) })
	f.contentOnDisk(path, []byte("content"))
}

// Close ends what is under way.
func testDuringClose(f *fixture) {
	path := f.put("file", pattern(1<<20))
	file := f.open(path, sftpconn.Read, 0)
	var wg, started sync.WaitGroup
	for range 8 {
		started.Add(1)
		wg.Go(func() {
			p := make([]byte, 1<<20)
			_, err := file.ReadAt(f.ctx, p, 0)
			started.Done()
			for err == nil {
				_, err = f.fs.ReadDir(f.ctx, f.path("unknown"))
				if err != nil {
					_, err = file.ReadAt(f.ctx, p, 0)
				}
			}
			assert.NotErrorIs(f, err, context.DeadlineExceeded)
		})
	}
	started.Wait()
	f.soon("Close", func() { require.NoError(f, f.fs.Close()) })
	f.soon("what was under way", wg.Wait)
}

func testCloseTwice(f *fixture) {
	for range 2 {
		f.soon("Close", func() { _ = f.fs.Close() })
	}
}
