package sftptest

import (
	"context"
	"io/fs"
	"os"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

var errorTests = map[string]func(*fixture){
	"Absent":       testAbsent,
	"AbsentParent": testAbsentParent,
	"NoDirectory":  testNoDirectory,
	"Dangling":     testDangling,
}

// operations are all that an FS can be asked about a path, except RealPath,
// which a server may answer for any.
func operations(fsys sftpconn.FS, path string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Lstat":    func(ctx context.Context) error { _, err := fsys.Lstat(ctx, path); return err },
		"Stat":     func(ctx context.Context) error { _, err := fsys.Stat(ctx, path); return err },
		"SetAttr":  func(ctx context.Context) error { _, err := fsys.SetAttr(ctx, path, setMode(0o600)); return err },
		"ReadDir":  func(ctx context.Context) error { _, err := fsys.ReadDir(ctx, path); return err },
		"Open":     func(ctx context.Context) error { _, _, err := fsys.Open(ctx, path, sftpconn.Read, 0); return err },
		"Remove":   func(ctx context.Context) error { return fsys.Remove(ctx, path) },
		"Rmdir":    func(ctx context.Context) error { return fsys.Rmdir(ctx, path) },
		"Rename":   func(ctx context.Context) error { return fsys.Rename(ctx, path, path+".new", true) },
		"Readlink": func(ctx context.Context) error { _, err := fsys.Readlink(ctx, path); return err },
		"Link":     func(ctx context.Context) error { _, err := fsys.Link(ctx, path, path+".new"); return err },
		"StatVFS":  func(ctx context.Context) error { _, err := fsys.StatVFS(ctx, path); return err },
	}
}

// creations are all that makes a path.
func creations(fsys sftpconn.FS, path string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Mkdir":   func(ctx context.Context) error { _, err := fsys.Mkdir(ctx, path, 0o755); return err },
		"Symlink": func(ctx context.Context) error { _, err := fsys.Symlink(ctx, "target", path); return err },
		"Open": func(ctx context.Context) error {
			_, _, err := fsys.Open(ctx, path, sftpconn.Write|sftpconn.Create|sftpconn.Excl, 0o644)
			return err
		},
	}
}

// optional names the operations that need an extension.
func (f *fixture) optional(operation string) bool {
	return operation == "Link" && !f.has(Hardlink) || operation == "StatVFS" && !f.has(StatVFS)
}

func testAbsent(f *fixture) {
	for range 2 { // the second time it may be remembered
		for name, operation := range operations(f.fs, f.path("absent")) {
			if !f.optional(name) {
				assert.ErrorIs(f, operation(f.ctx), fs.ErrNotExist, name)
			}
		}
	}
	assert.Empty(f, f.names(f.root))
}

func testAbsentParent(f *fixture) {
	for name, operation := range operations(f.fs, f.path("absent/file")) {
		if !f.optional(name) {
			assert.ErrorIs(f, operation(f.ctx), fs.ErrNotExist, name)
		}
	}
	for name, operation := range creations(f.fs, f.path("absent/file")) {
		assert.ErrorIs(f, operation(f.ctx), fs.ErrNotExist, name)
	}
	assert.Empty(f, f.names(f.root))
}

func testNoDirectory(f *fixture) {
	file := f.put("file", []byte("kept"))
	for name, operation := range operations(f.fs, file+"/below") {
		assert.Error(f, operation(f.ctx), name)
	}
	for name, operation := range creations(f.fs, file+"/below") {
		assert.Error(f, operation(f.ctx), name)
	}
	f.contentOnDisk(file, []byte("kept"))
}

func testDangling(f *fixture) {
	link := f.path("link")
	require.NoError(f, os.Symlink("nowhere", link))
	_, err := f.fs.Stat(f.ctx, link)
	require.ErrorIs(f, err, fs.ErrNotExist)
	_, _, err = f.fs.Open(f.ctx, link, sftpconn.Read, 0)
	require.ErrorIs(f, err, fs.ErrNotExist)
	f.seenAsOnDisk(link)
}
