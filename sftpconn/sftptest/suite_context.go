package sftptest

import (
	"context"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/sftpconn"
)

var contextTests = map[string]func(*fixture){
	"Cancelled":     testCancelled,
	"Expired":       testExpired,
	"CancelledFile": testCancelledFile,
	"GoesOnAfter":   testGoesOnAfterCancel,
}

// ends checks that operations end at once under a context that has ended, with
// its error or, if the answer was quicker, well.
func (f *fixture) ends(ctx context.Context, operations map[string]func(context.Context) error) {
	f.Helper()
	for name, operation := range operations {
		f.soon(name, func() {
			if err := operation(ctx); err != nil {
				assert.ErrorIs(f, err, ctx.Err(), name)
			}
		})
	}
}

func testCancelled(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	f.endsAll(ctx)
}

func testExpired(f *fixture) {
	ctx, cancel := context.WithDeadline(f.ctx, time.Now().Add(-time.Second))
	defer cancel()
	f.endsAll(ctx)
}

// endsAll gives each operation a file of its own, so that none finds its file
// gone because another was carried out all the same.
func (f *fixture) endsAll(ctx context.Context) {
	f.Helper()
	for name := range operations(f.fs, "") {
		path := f.put(name+"/file", nil)
		if name == "ReadDir" || name == "Rmdir" {
			path = f.putDir(name + "/dir")
		}
		if name == "Readlink" || f.optional(name) {
			continue // fails for a reason of its own
		}
		f.ends(ctx, map[string]func(context.Context) error{name: operations(f.fs, path)[name]})
	}
	for name := range creations(f.fs, "") {
		path := f.putDir("new "+name) + "/made"
		f.ends(ctx, map[string]func(context.Context) error{name: creations(f.fs, path)[name]})
	}
}

func testCancelledFile(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	file := f.open(f.put("file", pattern(1<<20)), sftpconn.Read|sftpconn.Write, 0)
	operations := map[string]func(context.Context) error{
		"ReadAt": func(ctx context.Context) error { _, err := file.ReadAt(ctx, make([]byte, 1<<20), 0); return err },
		"Write":  func(ctx context.Context) error { return file.Write([]byte("x"), 0).Wait(ctx) },
		"SetAttr": func(ctx context.Context) error {
			return file.SetAttr(setMode(0o600)).Wait(ctx)
		},
		"Flush": file.Flush,
		"Attr":  func(ctx context.Context) error { _, err := file.Attr(ctx); return err },
	}
	if f.has(Fsync) {
		operations["Sync"] = file.Sync
	}
	f.ends(ctx, operations)
}

// An operation that is given up disturbs no other.
func testGoesOnAfterCancel(f *fixture) {
	content := pattern(1 << 20)
	path := f.put("file", content)
	file := f.open(path, sftpconn.Read, 0)
	for i := range 50 {
		ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i)*20*time.Microsecond)
		_, _ = file.ReadAt(ctx, make([]byte, len(content)), 0)
		_, _ = f.fs.Lstat(ctx, f.path("absent"))
		_, _ = f.fs.ReadDir(ctx, f.root)
		cancel()
		f.seenAsOnDisk(path)
	}
	f.sameBytes(content, f.read(file, len(content)))
}
