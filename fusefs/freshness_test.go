package fusefs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// counted is an FS that counts requests.
type counted struct {
	lstats, reads, lists, setAttrs atomic.Int64
}

func (c *counted) wrap(fsys sftpconn.FS) sftpconn.FS {
	return &sftptest.Mock{
		FS: fsys,
		LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
			c.lstats.Add(1)
			return fsys.Lstat(ctx, path)
		},
		ReadDirFn: func(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
			c.lists.Add(1)
			return fsys.ReadDir(ctx, path)
		},
		SetAttrFn: func(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
			c.setAttrs.Add(1)
			return fsys.SetAttr(ctx, path, set)
		},
		OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
			file, attr, err := fsys.Open(ctx, path, flags, mode)
			return &sftptest.MockFile{
				File: file,
				ReadAtFn: func(ctx context.Context, p []byte, off int64) (int, error) {
					c.reads.Add(1)
					return file.ReadAt(ctx, p, off)
				},
			}, attr, err
		},
	}
}

// age sets a file's mtime on the server's side.
func (f *fixture) age(name string, t time.Time) {
	f.Helper()
	require.NoError(f, os.Chtimes(f.onServer(name), t, t))
}

// longTimeouts make the kernel trust what it knows for longer than a test.
func longTimeouts(o *Options) {
	o.EntryTimeout, o.AttrTimeout = time.Hour, time.Hour
}

var longAgo = time.Now().Add(-24 * time.Hour)

// TestOpenSeesWhatWasClosedBefore changes a file on the server, and opens it
// while the kernel still trusts the attributes and the pages that it has.
func TestOpenSeesWhatWasClosedBefore(t *testing.T) {
	big := strings.Repeat("0123456789", 20_000)
	tests := []struct {
		name, before, after string
		mtime               time.Time // after the change
	}{
		{"grown", "short", "short and longer", time.Now()},
		{"grown by much", "short", big, time.Now()},
		{"shrunk", big, "short", time.Now()},
		{"of the same size", "before", "after!", time.Now()},
		{"of the same size and long ago", "before", "after!", longAgo.Add(time.Hour)},
		{"grown within the same second", "before", "before and after", longAgo},
		{"emptied", "before", "", time.Now()},
		{"filled", "", "after", time.Now()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := mount(t, nil, longTimeouts)
			f.put("file", test.before)
			f.age("file", longAgo)
			for range 3 {
				assert.Equal(t, test.before, f.read("file"))
			}
			assert.EqualValues(t, len(test.before), f.stat("file").Size)

			f.put("file", test.after)
			f.age("file", test.mtime)
			file, err := os.Open(f.onMount("file"))
			require.NoError(t, err)
			defer func() { _ = file.Close() }()
			if len(test.after) > 0 {
				content := make([]byte, len(test.after))
				n, _ := unix.Pread(int(file.Fd()), content, 0)
				assert.Equal(t, test.after, string(content[:n]), "the first read")
			}
			info, err := file.Stat()
			require.NoError(t, err)
			assert.EqualValues(t, len(test.after), info.Size())
			assert.Equal(t, test.after, f.read("file"))
		})
	}
}

// TestMapAfterGrowth maps a file right after it was opened, in a process of its
// own: a page fault that waits for the file system in this one could hold up its
// memory, and so the file system.
func TestMapAfterGrowth(t *testing.T) {
	f := mount(t, nil, longTimeouts)
	f.put("file", "short")
	f.read("file")
	f.put("file", "short and longer")
	cmd := exec.CommandContext(f.ctx, os.Args[0], f.onMount("file"), "16")
	cmd.Env = append(os.Environ(), programVariable+"=mapreader", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, "short and longer", string(out))
}

// programMapReader prints the beginning of a file, as long as the second
// argument says, from a mapping.
func programMapReader(args []string) int {
	length, err := strconv.Atoi(args[1])
	if err != nil {
		return 1
	}
	file, err := os.Open(args[0])
	if err != nil {
		return 2
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, length, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return 3
	}
	_, written := os.Stdout.Write(memory)
	if errors.Join(written, unix.Munmap(memory), file.Close()) != nil {
		return 4
	}
	return 0
}

func TestPagesAreKept(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		mtime  time.Time
		kept   bool
	}{
		{"an old file", func(*Options) {}, longAgo, true},
		{"a new file", func(*Options) {}, time.Now(), false},
		{"a file from the future", func(*Options) {}, time.Now().Add(time.Hour), false},
		{"a new file with kernel_cache", func(o *Options) { o.KernelCache = true }, time.Now(), true},
		{"an old file without auto_cache", func(o *Options) { o.NoAutoCache = true }, longAgo, false},
		{"an old file with direct_io", func(o *Options) { o.DirectIO = true }, longAgo, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c counted
			f := mount(t, c.wrap, longTimeouts, test.change)
			f.put("file", "content")
			f.age("file", test.mtime)
			f.read("file")
			before := c.reads.Load()
			for range 3 {
				assert.Equal(t, "content", f.read("file"))
			}
			assert.Equal(t, test.kept, c.reads.Load() == before)
		})
	}
}

// TestOwnWritesAreSeen writes, and looks at what the kernel then thinks.
func TestOwnWritesAreSeen(t *testing.T) {
	f := mount(t, nil, longTimeouts)
	for i := range 20 {
		content := strings.Repeat("x", i)
		f.write("file", content)
		assert.Equal(t, content, f.read("file"))
		assert.EqualValues(t, i, f.stat("file").Size)
		assert.Equal(t, content, f.get("file"))
	}
	file, err := os.OpenFile(f.onMount("file"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	for i := range 20 {
		_, err := file.WriteString("y")
		require.NoError(t, err)
		assert.EqualValues(t, 20+i, f.stat("file").Size)
	}
	require.NoError(t, file.Close())
}

// TestListingIsNewsOnlyOnce reads a directory slowly, and changes files in it
// meanwhile: what the listing says of them must not come back.
func TestListingIsNewsOnlyOnce(t *testing.T) {
	f := mount(t, nil, longTimeouts)
	const files = 300
	for i := range files {
		f.put(strings.Repeat("long name ", 10)+string(rune('a'+i%26))+strings.Repeat("z", i/26), "before")
	}
	dir, err := os.Open(f.mnt)
	require.NoError(t, err)
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(1)
	require.NoError(t, err)

	all, err := os.ReadDir(f.dir)
	require.NoError(t, err)
	for _, e := range all {
		f.write(e.Name(), "longer than before")
	}
	rest, err := dir.Readdirnames(-1)
	require.NoError(t, err)
	assert.Len(t, append(names, rest...), files)
	for _, e := range all {
		assert.EqualValues(t, len("longer than before"), f.stat(e.Name()).Size)
	}
}

// TestListingAsksForNoFile lists a directory with everybody's attributes.
func TestListingAsksForNoFile(t *testing.T) {
	var c counted
	f := mount(t, c.wrap, longTimeouts)
	for i := range 100 {
		f.put(strings.Repeat("n", i+1), "x")
	}
	f.stat("")
	before := c.lstats.Load()
	assert.Len(t, f.inos(""), 100)
	assert.Equal(t, before, c.lstats.Load())
	assert.EqualValues(t, 1, c.lists.Load())
}

// TestRemovedOnServer removes and makes a file anew on the server, while the old
// one is open here.
func TestRemovedOnServer(t *testing.T) {
	f := mount(t, nil, func(o *Options) { o.EntryTimeout, o.AttrTimeout = 0, 0 })
	f.put("file", "old")
	old, err := os.OpenFile(f.onMount("file"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { _ = old.Close() }()
	ino := f.stat("file").Ino

	require.NoError(t, os.Remove(f.onServer("file")))
	_, err = os.Lstat(f.onMount("file"))
	require.ErrorIs(t, err, os.ErrNotExist)
	f.put("file", "another")
	assert.NotEqual(t, ino, f.stat("file").Ino)
	assert.Equal(t, "another", f.read("file"))
	info, err := old.Stat()
	require.NoError(t, err)
	assert.EqualValues(t, 3, info.Size())
	_, err = old.WriteAt([]byte("OLD"), 0)
	require.NoError(t, err)
	assert.Equal(t, "another", f.get("file"))
}

// TestTruncatingOpen opens with O_TRUNC, in one request.
func TestTruncatingOpen(t *testing.T) {
	var c counted
	f := mount(t, c.wrap, longTimeouts)
	f.put("file", "content")
	f.read("file")
	file, err := os.OpenFile(f.onMount("file"), os.O_WRONLY|os.O_TRUNC, 0)
	require.NoError(t, err)
	assert.Empty(t, f.get("file"))
	info, err := file.Stat()
	require.NoError(t, err)
	assert.Zero(t, info.Size())
	require.NoError(t, file.Close())
	assert.Zero(t, c.setAttrs.Load())
}

// A name that the kernel still knows, while it is gone from the server, can be
// created anew. A listing that is older than the removal makes such names.
func TestCreateNameRemovedOnServer(t *testing.T) {
	f := mount(t, nil, longTimeouts)
	f.put("file", "old")
	f.stat("file")
	require.NoError(t, os.Remove(f.onServer("file")))
	f.write("file", "new")
	assert.Equal(t, "new", f.get("file"))
}

func TestOpenNameRemovedOnServer(t *testing.T) {
	f := mount(t, nil, longTimeouts)
	f.put("file", "old")
	f.stat("file")
	require.NoError(t, os.Remove(f.onServer("file")))
	_, err := os.Open(f.onMount("file"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
