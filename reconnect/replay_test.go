package reconnect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// row tries one row of replayTable: the connection is dropped at the first
// request of the type while do runs.
type row struct {
	name    string
	op      operation
	request string
	// do works in dir, where a file "file" holds "0123456789" and is open as h
	// for reading and writing (or appending, for opAppend).
	do    func(ctx context.Context, f *FS, h sftpconn.File, dir string) error
	after func(t *testing.T, dir string)
	// lost is the error that do must give if the request was carried out and
	// only the reply was lost.
	lost error
}

var rows = []row{
	{name: "LSTAT", op: opLstat, request: "LSTAT", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		attr, err := f.Lstat(ctx, dir+"/file")
		return expect(err, attr.Size == 10)
	}},
	{name: "STAT", op: opStat, request: "STAT", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		attr, err := f.Stat(ctx, dir+"/file")
		return expect(err, attr.Size == 10)
	}},
	{name: "OPENDIR", op: opReadDir, request: "OPENDIR", do: listDir},
	{name: "READDIR", op: opReadDir, request: "READDIR", do: listDir},
	{name: "READLINK", op: opReadlink, request: "READLINK", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		target, err := f.Readlink(ctx, dir+"/link")
		return expect(err, target == "file")
	}},
	{name: "STATVFS", op: opStatVFS, request: "statvfs@openssh.com", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		vfs, err := f.StatVFS(ctx, dir)
		return expect(err, vfs.Blocks > 0)
	}},
	{name: "REALPATH", op: opRealPath, request: "REALPATH", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		path, err := f.RealPath(ctx, dir+"/../"+filepath.Base(dir))
		return expect(err, path == dir)
	}},
	{name: "READ", op: opReadAt, request: "READ", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		buf := make([]byte, 4)
		n, err := h.ReadAt(ctx, buf, 3)
		return expect(err, n == 4 && string(buf) == "3456")
	}},
	{name: "FSTAT", op: opFileAttr, request: "FSTAT", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		attr, err := h.Attr(ctx)
		return expect(err, attr.Size == 10)
	}},
	{name: "FSYNC", op: opSync, request: "fsync@openssh.com", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		return h.Sync(ctx)
	}},
	{name: "SETSTAT", op: opSetAttr, request: "SETSTAT", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		attr, err := f.SetAttr(ctx, dir+"/file", *modeOf(0o640))
		return expect(err, attr.Mode&0o7777 == 0o640)
	}, after: fileHas("0123456789", 0o640)},
	{name: "FSETSTAT", op: opFileSetAttr, request: "FSETSTAT", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		return h.SetAttr(*modeOf(0o640)).Wait(ctx)
	}, after: fileHas("0123456789", 0o640)},
	{name: "WRITE", op: opWrite, request: "WRITE", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		return h.Write([]byte("xy"), 2).Wait(ctx)
	}, after: fileHas("01xy456789", 0o644)},
	{name: "WRITE in order", op: opWrite, request: "WRITE", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		h.Write([]byte("abcdef"), 2)
		h.SetAttr(sftpconn.SetAttr{Attr: sftpconn.Attr{Valid: sftpconn.AttrSize, Size: 5}})
		h.Write([]byte("X"), 4)
		last := h.Write([]byte("Y"), 6)
		return errors.Join(last.Wait(ctx), h.Flush(ctx))
	}, after: fileHas("01abX\x00Y", 0o644)},
	{name: "WRITE flushed", op: opWrite, request: "WRITE", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		h.Write([]byte("xy"), 2)
		return h.Flush(ctx)
	}, after: fileHas("01xy456789", 0o644)},
	{name: "copy-data", op: opCopy, request: "copy-data", do: func(ctx context.Context, f *FS, h sftpconn.File, dir string) error {
		err := os.WriteFile(dir+"/other", []byte("abcd"), 0o600)
		if err != nil {
			return err
		}
		src, _, err := f.Open(ctx, dir+"/other", sftpconn.Read, 0)
		if err != nil {
			return err
		}
		n, err := h.CopyFrom(ctx, src, 1, 8, 10)
		return expect(err, n == 3)
	}, after: fileHas("01234567bcd", 0o644)},
	{name: "append", op: opAppend, request: "WRITE", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		return h.Write([]byte("ab"), 0).Wait(ctx)
	}, after: fileHas("0123456789ab", 0o644)},
	{name: "appends", op: opAppend, request: "WRITE", do: func(ctx context.Context, _ *FS, h sftpconn.File, _ string) error {
		for _, s := range []string{"ab", "ab", "c", "ab"} {
			h.Write([]byte(s), 0)
		}
		return h.Flush(ctx)
	}, after: fileHas("0123456789ababcab", 0o644)},
	{name: "OPEN", op: opOpen, request: "OPEN", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		_, attr, err := f.Open(ctx, dir+"/file", sftpconn.Read, 0)
		return expect(err, attr.Size == 10)
	}},
	{name: "OPEN create", op: opOpen, request: "OPEN", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		h, _, err := f.Open(ctx, dir+"/new", sftpconn.Write|sftpconn.Create|sftpconn.Truncate, 0o600)
		if err != nil {
			return err
		}
		return h.Write([]byte("new"), 0).Wait(ctx)
	}, after: func(t *testing.T, dir string) { checkFile(t, dir+"/new", "new", 0o600) }},
	{name: "OPEN exclusive", op: opCreateExcl, request: "OPEN", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		h, attr, err := f.Open(ctx, dir+"/new", sftpconn.Write|sftpconn.Create|sftpconn.Excl, 0o640)
		if err := expect(err, attr.Mode&0o7777 == 0o640); err != nil {
			return err
		}
		h.Write([]byte("new"), 0)
		return h.Flush(ctx)
	}, after: func(t *testing.T, dir string) { checkFile(t, dir+"/new", "new", 0o640) }},
	{name: "MKDIR", op: opMkdir, request: "MKDIR", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		attr, err := f.Mkdir(ctx, dir+"/new", 0o777)
		return expect(err, attr.IsDir() && attr.Mode&0o7777 == 0o777)
	}, after: func(t *testing.T, dir string) {
		info, err := os.Stat(dir + "/new")
		require.NoError(t, err)
		assert.Equal(t, fs.ModeDir|0o777, info.Mode())
	}},
	{name: "REMOVE", op: opRemove, request: "REMOVE", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		return f.Remove(ctx, dir+"/file")
	}, after: gone("file")},
	{name: "RMDIR", op: opRmdir, request: "RMDIR", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		return f.Rmdir(ctx, dir+"/dir")
	}, after: gone("dir")},
	{name: "RENAME", op: opRename, request: "RENAME", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		return f.Rename(ctx, dir+"/file", dir+"/new", false)
	}, after: func(t *testing.T, dir string) {
		gone("file")(t, dir)
		checkFile(t, dir+"/new", "0123456789", 0o644)
	}},
	{name: "RENAME over", op: opRename, request: "posix-rename@openssh.com", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		return f.Rename(ctx, dir+"/file", dir+"/other", true)
	}, after: func(t *testing.T, dir string) {
		gone("file")(t, dir)
		checkFile(t, dir+"/other", "0123456789", 0o644)
	}},
	{name: "SYMLINK", op: opSymlink, request: "SYMLINK", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		attr, err := f.Symlink(ctx, "file", dir+"/new")
		return expect(err, attr.IsSymlink())
	}, after: func(t *testing.T, dir string) {
		target, err := os.Readlink(dir + "/new")
		require.NoError(t, err)
		assert.Equal(t, "file", target)
	}},
	{name: "LINK", op: opLink, request: "hardlink@openssh.com", do: func(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
		attr, err := f.Link(ctx, dir+"/file", dir+"/new")
		return expect(err, attr.Size == 10)
	}, after: func(t *testing.T, dir string) { checkFile(t, dir+"/new", "0123456789", 0o644) }},
	{name: "CLOSE", op: opClose, request: "CLOSE", do: func(ctx context.Context, f *FS, h sftpconn.File, dir string) error {
		if err := h.Close(ctx); err != nil {
			return err
		}
		var err error
		for err == nil && f.Status().Connection == 1 { // the file may have been open on another channel
			_, err = f.Lstat(ctx, dir+"/file") // goes on with the next connection
		}
		return err
	}},
}

func listDir(ctx context.Context, f *FS, _ sftpconn.File, dir string) error {
	entries, err := f.ReadDir(ctx, dir)
	return expect(err, len(entries) == 4)
}

var errUnexpected = errors.New("not what was expected")

func expect(err error, ok bool) error {
	if err == nil && !ok {
		return errUnexpected
	}
	return err
}

func fileHas(content string, mode fs.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) { checkFile(t, dir+"/file", content, mode) }
}

func checkFile(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, content, string(got))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, mode, info.Mode())
}

func gone(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		_, err := os.Lstat(filepath.Join(dir, name))
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
}

// TestReplay drops the connection at each operation, before and after the
// server carried it out.
func TestReplay(t *testing.T) {
	for _, r := range rows {
		t.Run(r.name+"/never reached the server", func(t *testing.T) { r.try(t, sftptest.DropBefore, nil) })
		t.Run(r.name+"/reply lost", func(t *testing.T) { r.try(t, sftptest.DropAfter, r.lost) })
	}
}

func (r row) try(t *testing.T, when sftptest.Drop, want error) {
	t.Parallel()
	ctx := testContext(t)
	dir := makeDir(t)
	server := sftptest.NewServer(t, sftptest.Options{Dir: dir, OpenSSH: true})
	f := dialServer(t, server, Options{})
	flags := sftpconn.Read | sftpconn.Write
	if r.op == opAppend {
		flags |= sftpconn.Append
	}
	h, _, err := f.Open(ctx, dir+"/file", flags, 0)
	require.NoError(t, err)

	server.SetFault(sftptest.Once(r.request, sftptest.Verdict{Drop: when}))
	err = r.do(ctx, f, h, dir)
	if want != nil {
		require.ErrorIs(t, err, want)
	} else {
		require.NoError(t, err)
	}
	require.Equal(t, 2, f.Status().Connection, "the connection was not dropped")
	if want == nil && r.after != nil {
		r.after(t, dir)
	}
}

// makeDir returns a directory with a few things in it.
func makeDir(t *testing.T) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/file", []byte("0123456789"), 0o644))
	require.NoError(t, os.WriteFile(dir+"/other", nil, 0o600))
	require.NoError(t, os.Mkdir(dir+"/dir", 0o755))
	require.NoError(t, os.Symlink("file", dir+"/link"))
	return dir
}

// TestReplayTableIsWhole says that each operation has a row, a test, and a row in
// what users read.
func TestReplayTableIsWhole(t *testing.T) {
	page, err := os.ReadFile("../docs/semantics.md")
	require.NoError(t, err)
	for op, policy := range replayTable {
		assert.NotEmpty(t, policy.name, op)
		assert.NotEmpty(t, policy.why, policy.name)
		tested := false
		for _, r := range rows {
			tested = tested || int(r.op) == op
		}
		assert.True(t, tested, policy.name)
		request, _, _ := strings.Cut(policy.name, " ")
		promise := map[action]string{again: "sent again", look: "sent again; if that fails, " + policy.why}[policy.action]
		assert.Regexp(t, `(?mi)^\|[^|]*\b`+request+`\b[^|]*\| `+regexp.QuoteMeta(promise), string(page), policy.name)
	}
}

// What the repeat says must not be taken for success where looking shows
// otherwise.
func TestFailureOfRepeatIsReported(t *testing.T) {
	ctx := testContext(t)
	dir := makeDir(t)
	server := sftptest.NewServer(t, sftptest.Options{Dir: dir, OpenSSH: true})
	f := dialServer(t, server, Options{})
	failures := map[string]func() error{
		"MKDIR":                func() error { _, err := f.Mkdir(ctx, dir+"/file", 0o755); return err },
		"MKDIR of a full one":  func() error { _, err := f.Mkdir(ctx, filepath.Dir(dir), 0o755); return err },
		"RMDIR":                func() error { return f.Rmdir(ctx, dir+"/file") },
		"REMOVE":               func() error { return f.Remove(ctx, dir+"/dir") },
		"RENAME":               func() error { return f.Rename(ctx, dir+"/file", dir+"/other", false) },
		"SYMLINK":              func() error { _, err := f.Symlink(ctx, "elsewhere", dir+"/link"); return err },
		"hardlink@openssh.com": func() error { _, err := f.Link(ctx, dir+"/file", dir+"/other"); return err },
	}
	for name, do := range failures {
		request, _, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			before := f.Status().Connection
			server.SetFault(sftptest.Once(request, sftptest.Verdict{Drop: sftptest.DropAfter}))
			var status *sftpconn.StatusError
			require.ErrorAs(t, do(), &status)
			assert.Greater(t, f.Status().Connection, before)
		})
	}
}

// Two that want the same lock never get it both.
func TestExclusiveCreateOfAnother(t *testing.T) {
	ctx := testContext(t)
	dir := makeDir(t)
	server := sftptest.NewServer(t, sftptest.Options{Dir: dir, OpenSSH: true})
	f := dialServer(t, server, Options{})
	lock := func() error {
		_, _, err := f.Open(ctx, dir+"/lock", sftpconn.Write|sftpconn.Create|sftpconn.Excl, 0o600)
		return err
	}
	for _, content := range []string{"of another", ""} {
		fault := sftptest.Once("OPEN", sftptest.Verdict{Drop: sftptest.DropBefore})
		server.SetFault(func(r sftptest.Request) sftptest.Verdict {
			verdict := fault(r)
			if verdict.Drop != sftptest.NoDrop {
				assert.NoError(t, os.WriteFile(dir+"/lock", []byte(content), 0o600))
			}
			return verdict
		})
		require.ErrorIs(t, lock(), syscall.EIO)
		checkFile(t, dir+"/lock", content, 0o600)
		require.NoError(t, os.Remove(dir+"/lock"))
	}
	drop(t, server, f)
	require.NoError(t, lock(), "one that was never sent is simply sent")
}

// Whoever looks at a file while it is being made exclusively waits until it has
// the mode that was asked for.
func TestMarkIsNotSeen(t *testing.T) {
	m := newMount(t, sftpconn.Read, Options{})
	m.server.SetFault(sftptest.Once("OPEN", sftptest.Verdict{Delay: 300 * time.Millisecond}))
	var wg sync.WaitGroup
	wg.Go(func() { m.open("lock", sftpconn.Write|sftpconn.Create|sftpconn.Excl) })
	require.Eventually(t, func() bool { _, err := os.Lstat(m.dir + "/lock"); return err == nil }, testTimeout, time.Millisecond)
	attr, err := m.fs.Lstat(m.ctx, m.dir+"/lock")
	require.NoError(t, err)
	assert.EqualValues(t, 0o644, attr.Mode&0o7777)
	wg.Wait()
	assert.Empty(t, m.fs.marks.near(m.dir))
}

// A file whose maker gave up and closed it while the link was down still gets
// its mode, and nobody who looks at it later has to do with that.
func TestMarkOfClosedFileIsReplaced(t *testing.T) {
	m := newMount(t, sftpconn.Read, Options{Timeout: 300 * time.Millisecond})
	m.server.SetFault(func(r sftptest.Request) sftptest.Verdict {
		if r.Type == "FSETSTAT" {
			return sftptest.Verdict{Drop: sftptest.DropBefore}
		}
		return sftptest.Verdict{}
	})
	lock := m.open("lock", sftpconn.Write|sftpconn.Create|sftpconn.Excl)
	m.stop()
	require.ErrorIs(t, lock.Write([]byte("x"), 0).Wait(m.ctx), syscall.ETIMEDOUT)
	require.NoError(t, lock.Close(m.ctx))

	m.server.SetFault(nil)
	require.NoError(t, m.server.Start())
	require.Eventually(t, func() bool { return m.fs.Status().State == Up }, testTimeout, time.Millisecond)
	entries, err := m.fs.ReadDir(m.ctx, m.dir)
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprint(entries), "lock")
	attr, err := m.fs.Lstat(m.ctx, m.dir+"/lock")
	require.NoError(t, err)
	assert.EqualValues(t, 0o644, attr.Mode&0o7777)
	checkFile(t, m.dir+"/lock", "", 0o644)
	assert.Len(t, m.fs.open.places, 1, "the file that newMount has open")
}

// Who looks whether a change was made whose reply was lost does not wait for the
// mark of a file that waits for that very change.
func TestMarkOfFileThatIsRemovedOrReplaced(t *testing.T) {
	type change struct {
		request      string
		ours, server func(m *mount) error
	}
	changes := map[string]change{
		"removed": {
			"REMOVE",
			func(m *mount) error { return m.fs.Remove(m.ctx, m.dir+"/lock") },
			func(m *mount) error { return os.Remove(m.dir + "/lock") },
		},
		"replaced": {
			"posix-rename@openssh.com",
			func(m *mount) error { return m.fs.Rename(m.ctx, m.dir+"/file", m.dir+"/lock", true) },
			func(m *mount) error { return os.Rename(m.dir+"/file", m.dir+"/lock") },
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			m := newMount(t, sftpconn.Read, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			var apart, over atomic.Bool
			asked := make(chan struct{})
			m.server.SetFault(func(r sftptest.Request) sftptest.Verdict {
				switch {
				case over.Load():
				case r.Type == "OPEN":
					apart.Store(r.Channel > 1)
				case r.Type == change.request:
					close(asked)
					return sftptest.Verdict{Delay: time.Hour}
				case r.Type == "FSETSTAT":
					select {
					case <-asked: // both are under way
					case <-m.ctx.Done():
					}
					_ = change.server(m) // if not done yet
					over.Store(true)
					return sftptest.Verdict{Drop: sftptest.DropBefore}
				}
				return sftptest.Verdict{}
			})
			// Names are changed over another channel than files are opened on.
			for !apart.Load() {
				require.NoError(t, m.open("other", sftpconn.Write).Close(m.ctx))
			}
			lock := m.open("lock", sftpconn.Write|sftpconn.Create|sftpconn.Excl)
			require.NoError(t, change.ours(m))
			require.NoError(t, lock.Close(m.ctx))
			assert.Equal(t, 2, m.fs.Status().Connection)
			require.NoError(t, m.fs.Close())
			assert.NotContains(t, log.String(), "could not be opened again", "nobody misses it")
		})
	}
}
