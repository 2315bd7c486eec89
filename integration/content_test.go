package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSparseFile(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	const size = 5 << 30 // beyond what 32 bits hold
	run(t, m.dir, "truncate", "-s", fmt.Sprint(int64(size)), "sparse")
	f, err := os.OpenFile(m.path("sparse"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	for _, offset := range []int64{1, 4<<30 - 3, size - 6} {
		_, err = f.WriteAt([]byte("needle"), offset)
		require.NoError(t, err)
	}
	require.NoError(t, f.Sync())
	for _, path := range []string{m.path("sparse"), m.onServer("sparse")} {
		out := shell(t, "/", "tail -c 100000 '"+path+"' | tr -d '\\0'; head -c 100000 '"+path+"' | tr -d '\\0'")
		assert.Equal(t, "needleneedle", out)
	}
	info, err := os.Stat(m.onServer("sparse"))
	require.NoError(t, err)
	assert.EqualValues(t, size, info.Size())
	assert.Less(t, info.Sys().(*syscall.Stat_t).Blocks, int64(1000), "the holes take room on the server's disk")
}

func TestMmap(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	content := strings.Repeat("0123456789abcdef", 40_000)
	m.write("file", content)
	run(t, m.dir, "python3", "-c", `
import mmap
with open('file', 'r+b') as f:
    with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as shared:
        assert shared[:] == b'0123456789abcdef' * 40000
    with mmap.mmap(f.fileno(), 0) as shared:
        shared[100:105] = b'START'
        shared[300000:300006] = b'MIDDLE'
        shared[-3:] = b'END'
        shared.flush()
        f.seek(300000)
        assert f.read(6) == b'MIDDLE'
`)
	want := []byte(content)
	copy(want[100:], "START")
	copy(want[300_000:], "MIDDLE")
	copy(want[len(want)-3:], "END")
	sameText(t, string(want), m.serverFile("file"), "written through memory")
}

// Each appender's lines are there, whole and in order.
func TestAppenders(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	shell(t, m.dir, `
		jobs=()
		for appender in a b c d; do
			(for i in $(seq 100); do echo "$appender $i a line of some length" >> log; done) &
			jobs+=($!)
		done
		for job in "${jobs[@]}"; do wait $job; done`)
	log := m.serverFile("log")
	assert.Equal(t, 400, strings.Count(log, "\n"))
	for _, appender := range []string{"a", "b", "c", "d"} {
		var lines, want strings.Builder
		for line := range strings.Lines(log) {
			if strings.HasPrefix(line, appender+" ") {
				lines.WriteString(line)
			}
		}
		for i := range 100 {
			fmt.Fprintf(&want, "%s %d a line of some length\n", appender, i+1)
		}
		sameText(t, want.String(), lines.String(), "lines of appender %s", appender)
	}
	sameText(t, log, m.mountFile("log"), "on the mount")
}

// Writers of one file, each in its own parts, do not disturb each other.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	const writers, blocks, size = 4, 60, 5000
	m.write("file", "")
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			f, err := os.OpenFile(m.path("file"), os.O_WRONLY, 0)
			if !assert.NoError(t, err) {
				return
			}
			defer f.Close()
			for b := range blocks {
				_, err := f.WriteAt(bytes.Repeat([]byte{byte('a' + w)}, size), int64((b*writers+w)*size))
				assert.NoError(t, err)
			}
			assert.NoError(t, f.Close())
		})
	}
	group.Wait()
	var want strings.Builder
	for i := range writers * blocks {
		want.WriteString(strings.Repeat(string(rune('a'+i%writers)), size))
	}
	sameText(t, want.String(), m.serverFile("file"), "on the server")
	sameText(t, want.String(), m.mountFile("file"), "on the mount")
}

func TestUnlinkOpenFile(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("file", strings.Repeat("old", 100_000))
	f, err := os.OpenFile(m.path("file"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Remove(m.path("file")))
	assert.NoFileExists(t, m.path("file"))
	m.write("file", "another one")

	content, err := io.ReadAll(f)
	require.NoError(t, err)
	sameText(t, strings.Repeat("old", 100_000), string(content), "the open file")
	_, err = f.WriteAt([]byte("new"), 3)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(9))
	info, err := f.Stat()
	require.NoError(t, err)
	assert.EqualValues(t, 9, info.Size())
	read := make([]byte, 9)
	_, err = f.ReadAt(read, 0)
	require.NoError(t, err)
	assert.Equal(t, "oldnewold", string(read))
	require.NoError(t, f.Close())
	assert.Equal(t, "another one", m.mountFile("file"))
}

func TestRenameOverOpenFile(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("file", strings.Repeat("old", 100_000))
	m.write("next", "new")
	old, err := os.Open(m.path("file"))
	require.NoError(t, err)
	defer old.Close()
	next, err := os.OpenFile(m.path("next"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer next.Close()
	require.NoError(t, os.Rename(m.path("next"), m.path("file")))

	content, err := io.ReadAll(old)
	require.NoError(t, err)
	sameText(t, strings.Repeat("old", 100_000), string(content), "the open file")
	assert.Equal(t, "new", m.mountFile("file"))
	_, err = next.WriteAt([]byte("er"), 3)
	require.NoError(t, err)
	require.NoError(t, next.Close())
	assert.Equal(t, "newer", m.mountFile("file"))
	assert.Equal(t, "newer", m.serverFile("file"))
}

func TestListingDuringChanges(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	for i := range 300 {
		m.writeOnServer(fmt.Sprintf("stays%d", i), "")
	}
	done := make(chan struct{})
	var changer sync.WaitGroup
	changer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			name := m.path(fmt.Sprintf("changes%d", i%50))
			assert.NoError(t, os.WriteFile(name, nil, 0o644))
			assert.NoError(t, os.Rename(name, name+"renamed"))
			assert.NoError(t, os.Remove(name+"renamed"))
		}
	})
	for range 30 {
		entries, err := os.ReadDir(m.dir)
		require.NoError(t, err)
		seen := map[string]int{}
		for _, entry := range entries {
			seen[entry.Name()]++
		}
		for i := range 300 {
			assert.Equal(t, 1, seen[fmt.Sprintf("stays%d", i)], "stays%d", i)
		}
	}
	close(done)
	changer.Wait()
}

// What was closed elsewhere before open is seen, whatever is cached.
func TestChangedOnServer(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.writeOnServer("file", "first")
	assert.Equal(t, "first", m.mountFile("file"))
	for i := range 20 {
		// Now shorter, now longer, now of the same length.
		want := strings.Repeat(fmt.Sprint(i%10), 1+i*7919%9000)
		m.writeOnServer("file", want)
		sameText(t, want, m.mountFile("file"), "version %d", i)
	}
	for i := range 5 {
		want := fmt.Sprintf("same length %d", i)
		m.writeOnServer("file", want)
		require.Equal(t, want, m.mountFile("file"))
	}
}

// After close(2) the mtime is the server's, whatever fstat(2) foresaw: git takes a file
// for changed whose mtime moves. Some of the writes meet the end of a second on the way.
func TestTimeAfterClose(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	_, err := os.ReadDir(m.dir)
	require.NoError(t, err)
	m.link.SetDelay(400 * time.Millisecond)
	defer m.link.SetDelay(0)
	mtime := func(info os.FileInfo, err error) int64 {
		if !assert.NoError(t, err) {
			return 0
		}
		return info.ModTime().Unix()
	}
	var writers sync.WaitGroup
	for i := range 12 {
		writers.Go(func() {
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
			name := fmt.Sprint("written", i)
			f, err := os.Create(m.path(name))
			if !assert.NoError(t, err) {
				return
			}
			_, err = f.WriteString("content")
			assert.NoError(t, err)
			mtime(f.Stat())
			assert.NoError(t, f.Close())
			assert.Equal(t, mtime(os.Stat(m.onServer(name))), mtime(os.Stat(m.path(name))), name)
		})
	}
	writers.Wait()
}

// A file that grew is seen whole: never cut off at its old length, never with
// zeros where its last page was half full.
func TestGrownOnServer(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	var want strings.Builder
	for i := range 30 {
		want.WriteString(strings.Repeat(fmt.Sprintf("line %d\n", i), 100*i+1))
		m.writeOnServer("file", want.String())
		sameText(t, want.String(), m.mountFile("file"), "after line %d", i)
		_, err := os.Stat(m.path("file"))
		require.NoError(t, err)
	}
}

// A reader with the file open sees it grow, as tail -f needs.
func TestTailFollow(t *testing.T) {
	t.Parallel()
	m := newMount(t, "-o", "dcache_timeout=1")
	m.writeOnServer("log", "start\n")
	f, err := os.Open(m.path("log"))
	require.NoError(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "start\n", string(content))
	m.writeOnServer("log", "start\nmore\n")
	eventually(t, 30*time.Second, func() bool {
		more, err := io.ReadAll(f)
		require.NoError(t, err)
		content = append(content, more...)
		return strings.HasSuffix(string(content), "more\n")
	}, "the open file did not grow")
	assert.Equal(t, "start\nmore\n", string(content))
}

// Names made and removed on the server are seen after the time that names and
// listings are kept.
func TestNamesChangedOnServer(t *testing.T) {
	t.Parallel()
	m := newMount(t, "-o", "dcache_timeout=1")
	m.writeOnServer("old", "")
	assert.Equal(t, "old\n", run(t, m.dir, "ls"))
	assert.NoFileExists(t, m.path("new"))
	require.NoError(t, os.Rename(m.onServer("old"), m.onServer("new")))
	eventually(t, 30*time.Second, func() bool { return run(t, m.dir, "ls") == "new\n" }, "listing")
	eventually(t, 30*time.Second, func() bool {
		_, oldErr := os.Stat(m.path("old"))
		_, newErr := os.Stat(m.path("new"))
		return os.IsNotExist(oldErr) && newErr == nil
	}, "names")
}

// Locks hold between the programs of this machine.
func TestLocks(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("count", "0")
	shell(t, m.dir, `
		jobs=()
		for worker in 1 2 3 4; do
			(for i in $(seq 25); do flock lock sh -c 'n=$(cat count); echo $((n + 1)) > count'; done) &
			jobs+=($!)
		done
		for job in "${jobs[@]}"; do wait $job; done`)
	assert.Equal(t, "100\n", m.serverFile("count"))
}
