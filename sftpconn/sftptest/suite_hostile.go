package sftptest

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

// hostileTime is how long an operation may take that a server lies to. None
// needs the client to wait for anything.
const hostileTime = 5 * time.Second

// TestHostile checks that a server cannot make an FS panic, hang, take memory
// without bound or return a name or a number of bytes that cannot be. connect
// starts an FS on a transport; where the server lies from the first packet on,
// it may fail.
func TestHostile(t *testing.T, connect func(ctx context.Context, transport sftpconn.Transport) (sftpconn.FS, error)) {
	t.Run("out of order", func(t *testing.T) { testOutOfOrder(t, connect) })
	for _, c := range hostileCases() {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644))
			require.NoError(t, os.Symlink("file", filepath.Join(dir, "link")))
			h := hostileTest{T: t, dir: dir, connect: connect}
			lies := c.lies
			if lies == nil {
				lies = generalLies(h.honestLength(c))
			}
			for _, l := range lies {
				h.run(c, l)
			}
		})
	}
}

// hostileCase is a request that is lied about, and an operation that makes it.
type hostileCase struct {
	about string // as Request.Type
	do    func(ctx context.Context, t *testing.T, fsys sftpconn.FS, dir string) error
	lies  []lie // nil for the general ones
}

func hostileCases() []hostileCase {
	return []hostileCase{
		{"INIT", lstatFile, nil},
		{"LSTAT", lstatFile, nil},
		{"LSTAT", lstatFile, attrLies()},
		{"OPENDIR", listFolder, nil},
		{"READDIR", listFolder, nil},
		{"READDIR", listFolder, listingLies()},
		{"OPEN", readFile, nil},
		{"READ", readFile, nil},
		{"READ", readFile, readLies()},
		{"WRITE", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			return withFile(ctx, fsys, dir, func(file sftpconn.File) error {
				_ = file.Write([]byte("x"), 0).Wait(ctx)
				return file.Flush(ctx)
			})
		}, nil},
		{"READLINK", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			_, err := fsys.Readlink(ctx, dir+"/link")
			return err
		}, nil},
		{"REALPATH", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			_, err := fsys.RealPath(ctx, dir)
			return err
		}, nil},
		{"statvfs@openssh.com", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			_, err := fsys.StatVFS(ctx, dir)
			return err
		}, nil},
		{"STAT", readFile, nil},
		{"FSTAT", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			return withFile(ctx, fsys, dir, func(file sftpconn.File) error {
				_, err := file.Attr(ctx)
				return err
			})
		}, nil},
		{"FSETSTAT", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			return withFile(ctx, fsys, dir, func(file sftpconn.File) error { return file.SetAttr(setMode(0o644)).Wait(ctx) })
		}, nil},
		{"SETSTAT", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			_, err := fsys.SetAttr(ctx, dir+"/file", setMode(0o644))
			return err
		}, nil},
		// What comes after these is the same for all: a STATUS.
		{"REMOVE", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			return fsys.Remove(ctx, dir+"/absent")
		}, nil},
		{"MKDIR", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			_, err := fsys.Mkdir(ctx, dir+"/file/x", 0o755)
			return err
		}, nil},
		{"posix-rename@openssh.com", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			return fsys.Rename(ctx, dir+"/absent", dir+"/x", true)
		}, nil},
		{"hardlink@openssh.com", func(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
			_, err := fsys.Link(ctx, dir+"/absent", dir+"/x")
			return err
		}, nil},
	}
}

func lstatFile(ctx context.Context, _ *testing.T, fsys sftpconn.FS, dir string) error {
	_, err := fsys.Lstat(ctx, dir+"/file")
	return err
}

func listFolder(ctx context.Context, t *testing.T, fsys sftpconn.FS, dir string) error {
	entries, err := fsys.ReadDir(ctx, dir)
	for _, e := range entries {
		assert.Equal(t, filepath.Base(e.Name), e.Name, "a name that leads elsewhere")
		assert.NotContains(t, []string{"", ".", ".."}, e.Name)
		assert.NotContains(t, e.Name, "\x00")
		assert.LessOrEqual(t, len(e.Name), 255)
	}
	return err
}

func readFile(ctx context.Context, t *testing.T, fsys sftpconn.FS, dir string) error {
	return withFile(ctx, fsys, dir, func(file sftpconn.File) error {
		p := make([]byte, 2*readLength)
		n, err := file.ReadAt(ctx, p[:readLength], 0)
		assert.True(t, n >= 0 && n <= readLength, n)
		assert.Equal(t, make([]byte, readLength), p[readLength:], "beyond the buffer")
		return err
	})
}

// withFile opens the file and uses it.
func withFile(ctx context.Context, fsys sftpconn.FS, dir string, use func(sftpconn.File) error) error {
	file, _, err := fsys.Open(ctx, dir+"/file", sftpconn.Read|sftpconn.Write, 0)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close(ctx) }()
	return use(file)
}

// testOutOfOrder has two requests answered in the other order than they came,
// which a server may do.
func testOutOfOrder(t *testing.T, connect func(context.Context, sftpconn.Transport) (sftpconn.FS, error)) {
	dir := t.TempDir()
	var held []byte
	transport := &Scripted{Answer: func(r RawRequest) ([]byte, error) {
		reply, err := r.Honest()
		switch {
		case err != nil || r.Name != "LSTAT":
			return reply, err
		case held == nil:
			held = reply
			return nil, nil
		}
		return slices.Concat(reply, held), nil
	}}
	defer func() { _ = transport.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
	defer cancel()
	fsys, err := connect(ctx, transport)
	require.NoError(t, err)
	defer func() { assert.NoError(t, fsys.Close()) }()
	var both sync.WaitGroup
	for size := range 2 {
		path := filepath.Join(dir, strconv.Itoa(size))
		require.NoError(t, os.WriteFile(path, make([]byte, size), 0o644))
		both.Go(func() {
			attr, err := fsys.Lstat(ctx, path)
			assert.NoError(t, err)
			assert.EqualValues(t, size, attr.Size)
		})
	}
	both.Wait()
}

type hostileTest struct {
	*testing.T
	dir     string
	connect func(context.Context, sftpconn.Transport) (sftpconn.FS, error)
}

// honestLength returns how long the honest reply is that the case lies about.
func (h hostileTest) honestLength(c hostileCase) int {
	length := 0
	h.try(c, "the truth", func(p packet) ([]byte, error) {
		length = max(length, len(p))
		return p, nil
	})
	require.NotZero(h, length, "%s was not sent", c.about)
	return length
}

func (h hostileTest) run(c hostileCase, l lie) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.try(c, l.name, l.tell)
	runtime.ReadMemStats(&after)
	assert.Less(h, int64(after.HeapInuse)-int64(before.HeapInuse), int64(512<<20), "%s: memory", l.name)
}

// try has the server lie about the case's request and makes the operation.
func (h hostileTest) try(c hostileCase, what string, tell func(packet) ([]byte, error)) {
	watchdog := time.AfterFunc(2*hostileTime, func() { panic(h.Name() + ": hangs after the lie: " + what) })
	defer watchdog.Stop()
	transport := &Scripted{Answer: func(r RawRequest) ([]byte, error) {
		reply, err := r.Honest()
		if err != nil {
			return nil, err
		}
		if r.Name == c.about {
			return tell(reply)
		}
		return reply, nil
	}}
	defer func() { _ = transport.Close() }()
	ctx, cancel := context.WithTimeout(h.Context(), hostileTime)
	defer cancel()
	fsys, err := h.connect(ctx, transport)
	if err == nil {
		err = c.do(ctx, h.T, fsys, h.dir)
		assert.NoError(h, fsys.Close(), what)
	}
	assert.NotErrorIs(h, err, context.DeadlineExceeded, "hangs after the lie: %s", what)
}
