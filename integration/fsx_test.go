package integration

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() { helpers["fsx"] = fsxHelper }

// fsx does random operations on one file of a mount and on a model of it in
// memory, and compares them, as the program of that name does (fsx.c of the
// xfstests).
//
// It runs as a helper, in a process of its own: one that waits for a page of a
// mapped file holds locks that its other threads soon need, and here those are
// the link's.
type fsx struct {
	dir     string // on the mount
	remote  string // on the server's disk
	name    string
	random  *rand.Rand
	model   []byte
	mode    os.FileMode
	mtime   int64 // that was set since the last change of the contents; 0: none
	f       *os.File
	history []string
	noMmap  bool

	compared int64 // bytes
}

const fsxMaxSize = 600_000

// runFsx does steps operations, and more until the time is over. It returns how
// many bytes were compared.
func runFsx(t *testing.T, m *mount, random *rand.Rand, steps int, period time.Duration, noMmap bool) int64 {
	t.Helper()
	args := []string{m.dir, m.remote, fmt.Sprint(random.Uint64()), fmt.Sprint(steps), period.String(), fmt.Sprint(noMmap)}
	out, err := helper(t, "fsx", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	var operations int
	var compared int64
	_, err = fmt.Sscanf(string(out), fsxReport, &operations, &compared)
	require.NoError(t, err)
	return compared
}

const fsxReport = "%d operations, %d bytes compared\n"

func fsxHelper(args []string) error {
	seed, err1 := strconv.ParseUint(args[2], 10, 64)
	steps, err2 := strconv.Atoi(args[3])
	period, err3 := time.ParseDuration(args[4])
	noMmap, err4 := strconv.ParseBool(args[5])
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	x := &fsx{dir: args[0], remote: args[1], name: "file", mode: 0o644, random: rand.New(rand.NewPCG(seed, 0)), noMmap: noMmap}
	if err := x.run(steps, time.Now().Add(period)); err != nil {
		recent := x.history[max(0, len(x.history)-40):]
		return fmt.Errorf("after %d operations: %w; the last of them:\n%s", len(x.history), err, strings.Join(recent, "\n"))
	}
	fmt.Printf(fsxReport, len(x.history), x.compared)
	return nil
}

func (x *fsx) run(steps int, deadline time.Time) error {
	f, err := os.OpenFile(x.path(), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	x.f = f
	for step := 0; step < steps || time.Now().Before(deadline); step++ {
		if err := fsxOperations[x.random.IntN(len(fsxOperations))](x); err != nil {
			return err
		}
	}
	x.log("the end")
	return errors.Join(x.sync(), x.reopen(), x.f.Close())
}

// path names the file on the mount.
func (x *fsx) path() string { return filepath.Join(x.dir, x.name) }

var fsxOperations = []func(x *fsx) error{
	(*fsx).write, (*fsx).write, (*fsx).write, (*fsx).read, (*fsx).read, (*fsx).read,
	(*fsx).append, (*fsx).truncate, (*fsx).readMapped, (*fsx).writeMapped,
	(*fsx).reopen, (*fsx).sync, (*fsx).stat, (*fsx).rename, (*fsx).link, (*fsx).chmod, (*fsx).touch,
}

func (x *fsx) log(format string, args ...any) {
	x.history = append(x.history, fmt.Sprintf(format, args...))
}

// piece chooses a range of at most size bytes.
func (x *fsx) piece(size int) (offset, length int) {
	offset = x.random.IntN(size)
	return offset, min(size-offset, 1+x.random.IntN(1<<x.random.IntN(18)))
}

func (x *fsx) write() error {
	offset, length := x.piece(fsxMaxSize)
	x.log("write %d at %d", length, offset)
	data := randomBytes(length, x.random)
	x.mtime = 0
	if _, err := x.f.WriteAt(data, int64(offset)); err != nil {
		return err
	}
	x.grow(offset + length)
	copy(x.model[offset:], data)
	return nil
}

func (x *fsx) grow(size int) {
	if size > len(x.model) {
		x.model = append(x.model, make([]byte, size-len(x.model))...)
	}
}

func (x *fsx) append() error {
	if len(x.model) > fsxMaxSize-10_000 {
		return nil
	}
	data := randomBytes(1+x.random.IntN(10_000), x.random)
	x.log("append %d to %d", len(data), len(x.model))
	f, err := os.OpenFile(x.path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	x.mtime = 0
	if _, err := f.Write(data); err != nil {
		return err
	}
	x.model = append(x.model, data...)
	return f.Close()
}

func (x *fsx) read() error {
	offset, length := x.piece(fsxMaxSize)
	x.log("read %d at %d of %d", length, offset, len(x.model))
	got := make([]byte, length)
	n, err := x.f.ReadAt(got, int64(offset))
	if err != nil && err != io.EOF {
		return err
	}
	return x.compare(got[:n], offset, length)
}

// compare compares what was read with the model.
func (x *fsx) compare(got []byte, offset, length int) error {
	want := x.model[min(offset, len(x.model)):min(offset+length, len(x.model))]
	if len(got) != len(want) {
		return fmt.Errorf("got %d bytes, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("byte %d is %#x, want %#x", offset+i, got[i], want[i])
		}
	}
	x.compared += int64(len(got))
	return nil
}

func (x *fsx) truncate() error {
	size := x.random.IntN(fsxMaxSize)
	x.log("truncate %d to %d", len(x.model), size)
	x.mtime = 0
	if err := x.f.Truncate(int64(size)); err != nil {
		return err
	}
	x.grow(size)
	x.model = x.model[:size:size]
	return nil
}

func (x *fsx) readMapped() error {
	return x.mapped(unix.PROT_READ, func(memory []byte, offset int) error {
		x.log("read %d at %d through memory", len(memory), offset)
		return x.compare(memory, offset, len(memory))
	})
}

func (x *fsx) writeMapped() error {
	return x.mapped(unix.PROT_READ|unix.PROT_WRITE, func(memory []byte, offset int) error {
		x.log("write %d at %d through memory", len(memory), offset)
		x.mtime = 0
		copy(memory, randomBytes(len(memory), x.random))
		copy(x.model[offset:], memory)
		return nil
	})
}

// mapped maps a piece of the file into memory. A failing read there is a
// SIGBUS, which is made a panic, and that an error.
func (x *fsx) mapped(protection int, use func(memory []byte, offset int) error) (err error) {
	if len(x.model) == 0 || x.noMmap {
		return nil
	}
	memory, err := unix.Mmap(int(x.f.Fd()), 0, len(x.model), protection, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("mmap: %v", problem)
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	offset, length := x.piece(len(x.model))
	if err := use(memory[offset:offset+length], offset); err != nil {
		return err
	}
	if protection&unix.PROT_WRITE != 0 {
		if err := unix.Msync(memory, unix.MS_SYNC); err != nil {
			return fmt.Errorf("msync: %w", err)
		}
	}
	return unix.Munmap(memory)
}

func (x *fsx) reopen() error {
	x.log("close and open")
	if err := x.f.Close(); err != nil {
		return err
	}
	f, err := os.OpenFile(x.path(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	x.f = f
	content, err := os.ReadFile(x.path())
	if err != nil {
		return err
	}
	if err := x.compare(content, 0, fsxMaxSize); err != nil {
		return fmt.Errorf("opened again: %w", err)
	}
	return nil
}

func (x *fsx) sync() error {
	x.log("fsync")
	if err := x.f.Sync(); err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(x.remote, x.name))
	if err != nil {
		return err
	}
	if err := x.compare(content, 0, fsxMaxSize); err != nil {
		return fmt.Errorf("on the server after fsync: %w", err)
	}
	info, err := os.Stat(filepath.Join(x.remote, x.name))
	if err != nil {
		return err
	}
	if err := x.check(info); err != nil {
		return fmt.Errorf("on the server after fsync: %w", err)
	}
	return nil
}

func (x *fsx) stat() error {
	x.log("stat")
	for _, stat := range []func() (os.FileInfo, error){
		x.f.Stat, func() (os.FileInfo, error) { return os.Stat(x.path()) },
	} {
		info, err := stat()
		if err != nil {
			return err
		}
		if err := x.check(info); err != nil {
			return err
		}
	}
	return nil
}

func (x *fsx) check(info os.FileInfo) error {
	switch mtime := info.ModTime().Unix(); {
	case info.Size() != int64(len(x.model)):
		return fmt.Errorf("stat says %d bytes, want %d", info.Size(), len(x.model))
	case info.Mode() != x.mode:
		return fmt.Errorf("stat says mode %v, want %v", info.Mode(), x.mode)
	case x.mtime != 0 && mtime != x.mtime:
		return fmt.Errorf("stat says mtime %d, want %d", mtime, x.mtime)
	case x.mtime == 0 && mtime < fsxEra:
		return fmt.Errorf("stat says mtime %d, which was before a write", mtime)
	}
	return nil
}

// link gives the file another name in place of its own.
func (x *fsx) link() error {
	name := fmt.Sprintf("linked %d", len(x.history))
	x.log("link, and remove the old name")
	if err := os.Link(x.path(), filepath.Join(x.dir, name)); err != nil {
		return err
	}
	old := x.path()
	x.name = name
	return os.Remove(old)
}

func (x *fsx) chmod() error {
	x.mode = 0o600 + os.FileMode(x.random.IntN(0o100))
	x.log("chmod %v", x.mode)
	if x.random.IntN(2) == 0 {
		return x.f.Chmod(x.mode)
	}
	return os.Chmod(x.path(), x.mode)
}

// fsxEra is a time since which nobody has written, in seconds.
const fsxEra = 1_500_000_000

func (x *fsx) touch() error {
	x.mtime = 1 + x.random.Int64N(fsxEra-1)
	x.log("set mtime %d", x.mtime)
	return os.Chtimes(x.path(), time.Now(), time.Unix(x.mtime, 0))
}

func (x *fsx) rename() error {
	name := fmt.Sprintf("renamed %d", len(x.history))
	x.log("rename")
	if err := os.Rename(x.path(), filepath.Join(x.dir, name)); err != nil {
		return err
	}
	x.name = name
	return nil
}

// The same under each of the options that change how contents are cached.
func TestFsx(t *testing.T) {
	t.Parallel()
	for _, options := range []string{
		"", "direct_io", "sshfs_sync", "async_close", "no_readahead", "dir_cache=no", "kernel_cache", "dcache_timeout=1",
		"entry_timeout=0,attr_timeout=0",
	} {
		t.Run("with "+options, func(t *testing.T) {
			t.Parallel()
			args := []string{}
			if options != "" {
				args = []string{"-o", options}
			}
			// Mapped pages are the kernel's cache, which direct_io goes past.
			runFsx(t, newMount(t, args...), newRandom(t), 800, soak(), options == "direct_io")
		})
	}
}
