package fusefs

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

func TestOpenFlags(t *testing.T) {
	const r, w, a, tr = sftpconn.Read, sftpconn.Write, sftpconn.Append, sftpconn.Truncate
	tests := []struct {
		flags uint32
		want  sftpconn.OpenFlags
	}{
		{unix.O_RDONLY, r},
		{unix.O_WRONLY, w},
		{unix.O_RDWR, r | w},
		{unix.O_WRONLY | unix.O_APPEND, w | a},
		{unix.O_RDONLY | unix.O_APPEND, r},
		{unix.O_RDWR | unix.O_TRUNC, r | w | tr},
		{unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_DIRECT, w},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, openFlags(test.flags), "%#o", test.flags)
	}
}

// TestOpenFileWithoutAName works on a file after its name is gone, or another.
func TestOpenFileWithoutAName(t *testing.T) {
	ends := map[string]func(f *fixture){
		"removed": func(f *fixture) { require.NoError(f, os.Remove(f.onMount("d/file"))) },
		"renamed": func(f *fixture) { require.NoError(f, os.Rename(f.onMount("d/file"), f.onMount("other"))) },
		"replaced": func(f *fixture) {
			f.write("other", "another file")
			require.NoError(f, os.Rename(f.onMount("other"), f.onMount("d/file")))
		},
		"below a renamed folder": func(f *fixture) { require.NoError(f, os.Rename(f.onMount("d"), f.onMount("e"))) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			f := mount(t, nil)
			require.NoError(t, os.Mkdir(f.onServer("d"), 0o755))
			f.put("d/file", "0123456789")
			file, err := os.OpenFile(f.onMount("d/file"), os.O_RDWR, 0)
			require.NoError(t, err)
			defer func() { _ = file.Close() }()
			end(f)

			require.NoError(t, file.Chmod(0o600))
			require.NoError(t, unix.Futimes(int(file.Fd()), []unix.Timeval{{Sec: 1}, {Sec: 2}}))
			require.NoError(t, file.Truncate(5))
			_, err = file.WriteAt([]byte("ab"), 4)
			require.NoError(t, err)
			content := make([]byte, 20)
			n, err := file.ReadAt(content, 0)
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, "0123ab", string(content[:n]))
			require.NoError(t, file.Sync())
			var st unix.Stat_t
			require.NoError(t, unix.Fstat(int(file.Fd()), &st))
			assert.EqualValues(t, 6, st.Size)
			assert.EqualValues(t, unix.S_IFREG|0o600, st.Mode)
			links := 1
			if name == "removed" || name == "replaced" {
				links = 0
			}
			assert.EqualValues(t, links, st.Nlink)
			require.NoError(t, file.Close())
		})
	}
}

func TestRename(t *testing.T) {
	f := mount(t, nil)
	rename := func(flags uint) error {
		return unix.Renameat2(unix.AT_FDCWD, f.onMount("a"), unix.AT_FDCWD, f.onMount("b"), flags)
	}
	f.put("a", "a")
	f.put("b", "b")
	require.ErrorIs(t, rename(unix.RENAME_NOREPLACE), unix.EEXIST)
	require.ErrorIs(t, rename(unix.RENAME_EXCHANGE), unix.EINVAL)
	require.ErrorIs(t, rename(unix.RENAME_WHITEOUT), unix.EINVAL)
	require.NoError(t, rename(0))
	assert.Equal(t, "a", f.read("b"))
	f.put("a", "new")
	require.NoError(t, os.Remove(f.onMount("b")))
	require.NoError(t, rename(unix.RENAME_NOREPLACE))
	assert.Equal(t, "new", f.read("b"))

	// The server has a file there that the kernel has not seen yet.
	_, err := os.Lstat(f.onMount("a"))
	require.ErrorIs(t, err, os.ErrNotExist)
	f.put("a", "a")
	require.NoError(t, os.Mkdir(f.onServer("full"), 0o755))
	f.put("full/file", "x")
	require.NoError(t, os.Mkdir(f.onServer("empty"), 0o755))
	require.ErrorIs(t, unix.Rename(f.onMount("empty"), f.onMount("full")), unix.ENOTEMPTY)
	require.NoError(t, unix.Rename(f.onMount("full"), f.onMount("empty")))
	assert.Equal(t, "x", f.read("empty/file"))
}

// TestRefusals are what SFTP cannot do, or not here.
func TestRefusals(t *testing.T) {
	f := mount(t, nil)
	f.put("file", "content")
	path := f.onMount("file")
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(fd) }()
	value := make([]byte, 10)

	tests := map[string]struct {
		call func() error
		want error
	}{
		"mkfifo": {func() error { return unix.Mkfifo(f.onMount("fifo"), 0o644) }, unix.EPERM},
		"socket": {func() error { return unix.Mknod(f.onMount("sock"), unix.S_IFSOCK|0o644, 0) }, unix.EPERM},
		"device": {func() error { return unix.Mknod(f.onMount("dev"), unix.S_IFCHR|0o644, 0x103) }, unix.EPERM},
		"O_TMPFILE": {func() error {
			_, err := unix.Open(f.mnt, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
			return err
		}, unix.EOPNOTSUPP},
		"getxattr":    {func() error { _, err := unix.Getxattr(path, "user.x", value); return err }, unix.ENOTSUP},
		"setxattr":    {func() error { return unix.Setxattr(path, "user.x", value, 0) }, unix.ENOTSUP},
		"listxattr":   {func() error { _, err := unix.Listxattr(path, value); return err }, unix.ENOTSUP},
		"removexattr": {func() error { return unix.Removexattr(path, "user.x") }, unix.ENOTSUP},
		"punch a hole": {func() error {
			return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 1)
		}, unix.EOPNOTSUPP},
		"set space aside": {func() error { return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, 1) }, unix.EOPNOTSUPP},
		"ioctl":           {func() error { return unix.IoctlSetInt(fd, unix.FS_IOC_GETFLAGS, 0) }, unix.ENOTTY},
		"remove a folder": {func() error { return unix.Unlink(f.mnt + "/.") }, unix.EISDIR},
		"a long name":     {func() error { return unix.Mkdir(f.onMount(strings.Repeat("x", 256)), 0o755) }, unix.ENAMETOOLONG},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				require.ErrorIs(t, test.call(), test.want)
			}
		})
	}
}

func TestSeekAndGrow(t *testing.T) {
	f := mount(t, nil)
	f.put("file", "content")
	fd, err := unix.Open(f.onMount("file"), unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(fd) }()
	for _, test := range []struct {
		off    int64
		whence int
		want   int64
		err    error
	}{
		{3, unix.SEEK_DATA, 3, nil}, {3, unix.SEEK_HOLE, 7, nil},
		{7, unix.SEEK_DATA, 0, unix.ENXIO}, {7, unix.SEEK_HOLE, 0, unix.ENXIO},
		{0, unix.SEEK_END, 7, nil},
	} {
		off, err := unix.Seek(fd, test.off, test.whence)
		if test.err != nil {
			require.ErrorIs(t, err, test.err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, test.want, off)
	}
	require.NoError(t, unix.Fallocate(fd, 0, 0, 5))
	assert.Equal(t, "content", f.get("file"))
	require.NoError(t, unix.Fallocate(fd, 0, 5, 5))
	assert.Equal(t, "content\x00\x00\x00", f.get("file"))
	assert.EqualValues(t, 10, f.stat("file").Size)
}

func TestCopyFileRange(t *testing.T) {
	f := mount(t, nil)
	content := strings.Repeat("0123456789", 30_000)
	f.put("from", content)
	from, err := unix.Open(f.onMount("from"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(from) }()
	to, err := unix.Open(f.onMount("to"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	require.NoError(t, err)
	defer func() { _ = unix.Close(to) }()
	for copied := 0; copied < len(content); {
		n, err := unix.CopyFileRange(from, nil, to, nil, len(content)-copied, 0)
		require.NoError(t, err)
		require.Positive(t, n)
		copied += n
	}
	assert.Equal(t, content, f.get("to"))
}

// TestAppenders lets two descriptors append in turn.
func TestAppenders(t *testing.T) {
	f := mount(t, nil)
	var files [2]*os.File
	for i := range files {
		file, err := os.OpenFile(f.onMount("log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		files[i] = file
	}
	for i := range 10 {
		_, err := files[i%2].WriteString(string(rune('0' + i)))
		require.NoError(t, err)
	}
	assert.Equal(t, "0123456789", f.get("log"))
}

// TestWriteBehindErrors reports what did not arrive at fsync and close.
// What is changed in memory goes to its place in a file that is open for
// appending, between what is appended. A program of its own does it: a fault in
// memory that this process would have to answer itself may hold up all of it.
func TestMapOfAppendingFile(t *testing.T) {
	f := mount(t, nil)
	page := os.Getpagesize()
	f.put("file", strings.Repeat("a", 3*page))
	cmd := exec.CommandContext(f.ctx, os.Args[0], f.onMount("file"))
	cmd.Env = append(os.Environ(), programVariable+"=mapper", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	want := []byte(strings.Repeat("a", 3*page) + "bc")
	want[page], want[2*page] = 'm', 'n'
	assert.Equal(t, string(want), f.get("file"))
}

// programMapper changes the second and the third of a file's three pages, and
// appends before and after.
func programMapper(args []string) int {
	page := os.Getpagesize()
	file, err := os.OpenFile(args[0], os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return 1
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return 2
	}
	_, first := file.WriteString("b")
	memory[page] = 'm'
	synced := unix.Msync(memory, unix.MS_SYNC)
	_, second := file.WriteString("c")
	memory[2*page] = 'n'
	if errors.Join(first, synced, second, unix.Munmap(memory), file.Close()) != nil {
		return 3
	}
	return 0
}

func TestWriteBehindErrors(t *testing.T) {
	var flush, sync shared[error]
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{FS: fsys, OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
			file, attr, err := fsys.Open(ctx, path, flags, mode)
			return &sftptest.MockFile{
				File:    file,
				FlushFn: func(context.Context) error { return flush.get() },
				SyncFn:  func(context.Context) error { return sync.get() },
			}, attr, err
		}}
	})
	file, err := os.Create(f.onMount("file"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	_, err = file.WriteString("x")
	require.NoError(t, err)

	require.NoError(t, file.Sync())
	sync.set(errors.ErrUnsupported)
	require.NoError(t, file.Sync(), "the server cannot, and is not to be asked")
	sync.set(syscall.ENOSPC)
	require.ErrorIs(t, file.Sync(), unix.ENOSPC)
	flush.set(errors.New("whatever"))
	require.ErrorIs(t, file.Sync(), unix.EIO)
	flush.set(syscall.EDQUOT)
	require.ErrorIs(t, file.Close(), unix.EDQUOT)
}

// TestKilledWriterLeavesItsData kills a program while the FS holds on to what
// it writes, and looks whether that changes.
func TestKilledWriterLeavesItsData(t *testing.T) {
	s := newStall()
	held := make(chan []byte, 1)
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{FS: fsys, OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
			file, attr, err := fsys.Open(ctx, path, flags, mode)
			return &sftptest.MockFile{File: file, WriteFn: func(p []byte, off int64) sftpconn.Pending {
				if filepath.Base(path) == "file" {
					held <- p
					return stalled{s}
				}
				return file.Write(p, off)
			}}, attr, err
		}}
	})
	f.put("file", "")
	p := f.startStalled(s, "write", "file")
	require.NoError(t, p.Process.Kill())
	p.endsWithin(soon)
	data := <-held
	for range 100 {
		f.write("other", strings.Repeat("other data ", 1000))
	}
	assert.Equal(t, "program", string(data))
}

func TestPanicInTheFS(t *testing.T) {
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{FS: fsys, MkdirFn: func(context.Context, string, uint32) (sftpconn.Attr, error) {
			panic("a test")
		}}
	})
	require.ErrorIs(t, os.Mkdir(f.onMount("dir"), 0o755), unix.EIO)
	f.write("file", "still alive")
	assert.Equal(t, "still alive", f.read("file"))
}

// TestShell runs ordinary programs.
func TestShell(t *testing.T) {
	f := mount(t, nil)
	cmd := exec.CommandContext(f.ctx, "/bin/sh", "-euc", `
		cd "$1"
		mkdir -p a/b/c
		echo one >a/b/c/file
		cp -a a copy
		diff -r a copy
		mv copy/b/c/file copy/file
		ln copy/file copy/link
		ln -s ../file copy/b/up
		test "$(cat copy/b/up)" = one
		echo two >>copy/file
		sed -i s/one/three/ copy/file
		test "$(cat copy/file)" = "$(printf 'three\ntwo')"
		test "$(cat copy/link)" = "$(printf 'one\ntwo')"
		tar -cf a.tar a
		rm -r a
		tar -xf a.tar
		test "$(find . -type f | wc -l)" -eq 4
		flock a/b/c/file true
		dd if=/dev/zero of=big bs=1M count=8 conv=fsync status=none
		cmp -n 8388608 big /dev/zero
		rm -r a copy big a.tar
		test -z "$(ls -A)"
	`, "sh", f.mnt)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// What is written with O_SYNC or O_DSYNC is synced, also past the kernel's cache.
func TestSynchronousWrites(t *testing.T) {
	for _, direct := range []bool{false, true} {
		var syncs atomic.Int64
		f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
			return &sftptest.Mock{FS: fsys, OpenFn: func(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
				file, attr, err := fsys.Open(ctx, path, flags, mode)
				return &sftptest.MockFile{File: file, SyncFn: func(ctx context.Context) error {
					syncs.Add(1)
					return file.Sync(ctx)
				}}, attr, err
			}}
		}, func(o *Options) { o.DirectIO = direct })
		for flags, want := range map[int]int64{0: 0, unix.O_DSYNC: 2, unix.O_SYNC: 2} {
			for _, name := range []string{"new", "old"} {
				f.put("old", "")
				syncs.Store(0)
				file, err := os.OpenFile(f.onMount(name), os.O_WRONLY|os.O_CREATE|flags, 0o600)
				require.NoError(t, err)
				for range 2 {
					_, err = file.WriteString("x")
					require.NoError(t, err)
				}
				assert.Equal(t, want, syncs.Load(), "direct %v, flags %#o, %s", direct, flags, name)
				require.NoError(t, file.Close())
				require.NoError(t, os.Remove(f.onMount(name)))
			}
		}
	}
}
