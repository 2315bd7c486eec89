package status

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeMount sends ten bytes each time that it is asked how far it is.
type fakeMount struct {
	report Report
	busy   error

	mu     sync.Mutex
	unsent int64
	sent   chan struct{} // closed when nothing is unsent
}

func (m *fakeMount) Report() Report { return m.report }
func (m *fakeMount) Unmount() error { return m.busy }

func (m *fakeMount) Progress() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := Progress{UnsentBytes: m.unsent, UnsentFiles: 1, State: "up"}
	if m.unsent -= 10; m.unsent == 0 {
		close(m.sent)
	}
	return p
}

// runtimeDir gives the test a folder of its own for sockets.
func runtimeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "st") // short: a socket's path has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	return filepath.Join(dir, "sftpmount")
}

// own leaves out the mounts that other programs on this machine have.
func own(dir string, answers []Answer) []Answer {
	var list []Answer
	for _, a := range answers {
		if strings.HasPrefix(a.Client.socket, dir) {
			list = append(list, a)
		}
	}
	return list
}

func TestServer(t *testing.T) {
	dir := runtimeDir(t)
	m := &fakeMount{
		report: Report{Mountpoint: "/mnt/a", Source: "host:/dir", Mounted: time.Unix(1e9, 0).UTC()},
		unsent: 30, sent: make(chan struct{}), busy: syscall.EBUSY,
	}
	s, err := Serve(m)
	require.NoError(t, err)

	// What others left: a dead socket, and a program that says nothing.
	dead, err := net.Listen("unix", filepath.Join(dir, "1.sock"))
	require.NoError(t, err)
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())

	answers := own(dir, All(t.Context()))
	require.Len(t, answers, 1, "the dead one is left out")
	assert.NoFileExists(t, filepath.Join(dir, "1.sock"))
	require.NoError(t, answers[0].Err)
	assert.Equal(t, m.report, answers[0].Report)

	client := answers[0].Client
	_, err = client.Unmount(t.Context(), nil)
	require.ErrorIs(t, err, ErrBusy)
	m.busy = errors.New("no fusermount3 here")
	_, err = client.Unmount(t.Context(), nil)
	require.EqualError(t, err, "no fusermount3 here")

	m.busy = nil
	go func() {
		<-m.sent
		s.Close(7, errors.New("one file is lost"))
	}()
	var left []int64
	end, err := client.Unmount(t.Context(), func(p Progress) { left = append(left, p.UnsentBytes) })
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(left), 3)
	assert.Equal(t, []int64{30, 20, 10}, left[:3], "it may be asked again before it is closed")
	assert.Equal(t, Progress{Done: true, Code: 7, Error: "one file is lost"}, end)
	s.serving.Wait()
	assert.Empty(t, own(dir, All(t.Context())))
	require.Eventually(t, func() bool { _, err := os.Stat(dir); return err != nil }, 5*time.Second, time.Millisecond,
		"the last mount takes the folder away")
}

// The folder is removed when the user logs out, and is there again later.
func TestSocketIsMadeAnew(t *testing.T) {
	dir := runtimeDir(t)
	s, err := serve(&fakeMount{report: Report{Mountpoint: "/mnt/a"}}, time.Millisecond)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, os.RemoveAll(dir))
		require.Eventually(t, func() bool {
			answers := own(dir, All(t.Context()))
			return len(answers) == 1 && answers[0].Err == nil && answers[0].Report.Mountpoint == "/mnt/a"
		}, 10*time.Second, time.Millisecond)
	}
	s.Close(0, nil)
	assert.NoDirExists(t, dir)
}

// A program that ends while it is asked is no mount any more.
func TestMountThatEnds(t *testing.T) {
	dir := runtimeDir(t)
	listener, err := listen([]string{dir})
	require.NoError(t, err)
	go func() {
		conn, err := listener.Accept()
		_ = listener.Close()
		if assert.NoError(t, err) {
			_ = conn.Close()
		}
	}()
	assert.Empty(t, own(dir, All(t.Context())))
}

func TestSilentMount(t *testing.T) {
	dir := runtimeDir(t)
	listener, err := listen([]string{dir})
	require.NoError(t, err)
	defer listener.Close()
	answers := own(dir, All(t.Context()))
	require.Len(t, answers, 1)
	assert.ErrorContains(t, answers[0].Err, "does not answer")
	assert.ErrorContains(t, answers[0].Err, "process ")
}

func TestFind(t *testing.T) {
	base := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(base, "m/n"), 0o755))
	require.NoError(t, os.Symlink("m", filepath.Join(base, "link")))
	require.NoError(t, os.Symlink(base+"/link/n", filepath.Join(base, "far")))
	require.NoError(t, os.Symlink("loop", filepath.Join(base, "loop")))
	t.Chdir(base)
	at := func(dir string, age time.Duration) Answer {
		return Answer{Report: Report{Mountpoint: base + dir, Mounted: time.Now().Add(-age), Source: age.String()}}
	}
	answers := []Answer{at("/m", time.Hour), at("/m", time.Minute), at("/m2", 0), {Err: errors.New("silent")}}
	for path, itself := range map[string]bool{
		"m": true, "link": true, "./link/": true, base + "/m": true, base + "/x/../m": true,
		"m/n": false, "link/n/gone": false, "far": false,
	} {
		found, is := Find(answers, path)
		require.NotNil(t, found, path)
		assert.Equal(t, "1m0s", found.Report.Source, "the last mount on a place hides the one before")
		assert.Equal(t, itself, is, path)
	}
	for _, path := range []string{"/", ".", "m3", "n", "loop", base, ""} {
		found, _ := Find(answers, path)
		assert.Nil(t, found, path)
	}
}
