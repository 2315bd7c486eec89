package integration

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fsx does random operations on one file of a mount and on a model of it in
// memory, and compares them, as the program of that name does (fsx.c of the
// xfstests).
type fsx struct {
	t       *testing.T
	m       *mount
	name    string
	random  *rand.Rand
	model   []byte
	f       *os.File
	history []string
	noMmap  bool
}

const fsxMaxSize = 600_000

func newFsx(t *testing.T, m *mount, name string, random *rand.Rand) *fsx {
	t.Helper()
	x := &fsx{t: t, m: m, name: name, random: random}
	f, err := os.OpenFile(m.path(name), os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	x.f = f
	t.Cleanup(func() { _ = x.f.Close() })
	return x
}

var fsxOperations = []func(x *fsx) error{
	(*fsx).write, (*fsx).write, (*fsx).write, (*fsx).read, (*fsx).read, (*fsx).read,
	(*fsx).append, (*fsx).truncate, (*fsx).readMapped, (*fsx).writeMapped,
	(*fsx).reopen, (*fsx).sync, (*fsx).stat, (*fsx).rename,
}

// steps does n operations.
func (x *fsx) steps(n int) {
	x.t.Helper()
	for range n {
		if err := fsxOperations[x.random.IntN(len(fsxOperations))](x); err != nil {
			recent := x.history[max(0, len(x.history)-40):]
			require.NoError(x.t, err, "after %d operations, the last of them:\n%s", len(x.history), strings.Join(recent, "\n"))
		}
	}
}

// finish closes the file and compares it with the server's disk.
func (x *fsx) finish() {
	x.t.Helper()
	require.NoError(x.t, x.f.Close())
	sameText(x.t, string(x.model), x.m.serverFile(x.name), "on the server")
	sameText(x.t, string(x.model), x.m.mountFile(x.name), "opened again")
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
	f, err := os.OpenFile(x.m.path(x.name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
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
	if err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt's contract
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
	return nil
}

func (x *fsx) truncate() error {
	size := x.random.IntN(fsxMaxSize)
	x.log("truncate %d to %d", len(x.model), size)
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
		copy(memory, randomBytes(len(memory), x.random))
		copy(x.model[offset:], memory)
		return nil
	})
}

// mapped maps a piece of the file into memory. A failing read there is a
// SIGBUS, which would end the tests if it did not become a panic.
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
	f, err := os.OpenFile(x.m.path(x.name), os.O_RDWR, 0)
	if err == nil {
		x.f = f
	}
	return err
}

func (x *fsx) sync() error {
	x.log("fsync")
	if err := x.f.Sync(); err != nil {
		return err
	}
	content, err := os.ReadFile(x.m.onServer(x.name))
	if err != nil {
		return err
	}
	if err := x.compare(content, 0, fsxMaxSize); err != nil {
		return fmt.Errorf("on the server after fsync: %w", err)
	}
	return nil
}

func (x *fsx) stat() error {
	x.log("stat")
	for _, stat := range []func() (os.FileInfo, error){
		x.f.Stat, func() (os.FileInfo, error) { return os.Stat(x.m.path(x.name)) },
	} {
		info, err := stat()
		if err != nil {
			return err
		}
		if info.Size() != int64(len(x.model)) {
			return fmt.Errorf("stat says %d bytes, want %d", info.Size(), len(x.model))
		}
	}
	return nil
}

func (x *fsx) rename() error {
	name := fmt.Sprintf("renamed %d", len(x.history))
	x.log("rename")
	err := os.Rename(x.m.path(x.name), x.m.path(name))
	x.name = name
	return err
}

// The same under each of the options that change how contents are cached.
func TestFsx(t *testing.T) {
	t.Parallel()
	for _, options := range []string{
		"", "direct_io", "sshfs_sync", "no_readahead", "dir_cache=no", "kernel_cache", "dcache_timeout=1",
		"entry_timeout=0,attr_timeout=0",
	} {
		t.Run("with "+options, func(t *testing.T) {
			t.Parallel()
			random := newRandom(t)
			args := []string{}
			if options != "" {
				args = []string{"-o", options}
			}
			x := newFsx(t, newMount(t, args...), "file", random)
			x.noMmap = options == "direct_io" // mapped pages are the kernel's cache
			x.steps(800)
			x.finish()
		})
	}
}
