package integration

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goDown makes the server unreachable until comeBack.
func (m *linkedMount) goDown() {
	m.link.Refuse()
	m.link.Cut()
}

func (m *linkedMount) comeBack() {
	m.t.Helper()
	require.NoError(m.t, m.link.Accept())
}

// Operations on what is not cached fail when the link has been down for
// longer than the time to wait, at once from then on, and work again by
// themselves when it is back.
func TestReconnectTimeout(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "reconnect_timeout=3")
	m.writeOnServer("file", "content")
	m.goDown()
	start := time.Now()
	_, err := os.ReadFile(m.path("file"))
	require.ErrorIs(t, err, syscall.ETIMEDOUT)
	assert.WithinRange(t, time.Now(), start.Add(2*time.Second), start.Add(6*time.Second))

	start = time.Now()
	_, err = os.ReadFile(m.path("file"))
	require.ErrorIs(t, err, syscall.ETIMEDOUT)
	assert.Less(t, time.Since(start), time.Second, "it fails at once")

	m.comeBack()
	eventually(t, 30*time.Second, func() bool {
		content, err := os.ReadFile(m.path("file"))
		return err == nil && string(content) == "content"
	}, "it works again")
}

func TestUnmountWhileDown(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(m *linkedMount){
		"refused": (*linkedMount).goDown,
		"silent":  func(m *linkedMount) { m.link.Stall() },
		"gone":    func(m *linkedMount) { m.server.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newLinkedMount(t)
			m.write("file", "content")
			fail(m)
			time.Sleep(200 * time.Millisecond)
			m.guard(t, 15*time.Second, "unmounting", m.unmount)
		})
	}
}

// With -o hard operations wait for longer than that.
func TestHard(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "reconnect_timeout=3,hard")
	m.writeOnServer("file", "content")
	writer, said := m.startOutageWriter(t, "fsync")
	results := make(chan error, 3)
	m.goDown()
	m.client.writeFile(t, "down", nil)
	go func() { results <- <-writer.ended }()
	go func() { _, err := os.ReadFile(m.path("file")); results <- err }()
	go func() { results <- os.Mkdir(m.path("dir"), 0o755) }()
	select {
	case err := <-results:
		require.Fail(t, "an operation did not wait", "%v %s", err, said)
	case <-time.After(6 * time.Second):
	}
	m.comeBack()
	for range cap(results) {
		require.NoError(t, <-results, "%s", said)
	}
	assert.Equal(t, string(make([]byte, 100_000)), m.serverFile("some-file"))
	assert.DirExists(t, m.onServer("dir"))
}

// With -o no_reconnect everything fails at once when the link has dropped.
func TestNoReconnect(t *testing.T) {
	t.Parallel()
	// What was listed ahead would be answered.
	m := newLinkedMount(t, "-o", "no_reconnect,dir_cache=no")
	m.expect(`level=ERROR msg="(the connection to the server was lost, and reconnecting is off|written data was lost)"`)
	m.writeOnServer("file", strings.Repeat("content", 1_000_000))
	require.NoError(t, os.Mkdir(m.onServer("dir"), 0o755))
	f, err := os.OpenFile(m.path("file"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	m.link.Cut()
	m.waitForLog("reconnecting is off")
	for name, operation := range map[string]func() error{
		"stat":       func() error { _, err := os.Stat(m.path("other")); return err },
		"list":       func() error { _, err := os.ReadDir(m.path("dir")); return err },
		"open":       func() error { _, err := os.ReadFile(m.path("file")); return err },
		"create":     func() error { return os.WriteFile(m.path("new"), nil, 0o644) },
		"mkdir":      func() error { return os.Mkdir(m.path("new"), 0o755) },
		"rename":     func() error { return os.Rename(m.path("file"), m.path("new")) },
		"read file":  func() error { _, err := f.ReadAt(make([]byte, 10), 6_900_000); return err },
		"write file": func() error { _, _ = f.WriteAt([]byte("new"), 0); return f.Sync() },
	} {
		start := time.Now()
		assert.ErrorIs(t, operation(), syscall.EIO, name)
		assert.Less(t, time.Since(start), time.Second, "%s fails at once", name)
	}
	assert.Equal(t, 1, m.link.Connections())
}

// What is in memory is answered while the link is down.
func TestAnswersWhileDown(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	run(t, "/", "cp", "-a", makeTree(t, 1, 5), m.onServer("tree"))
	for _, argv := range [][]string{{"ls", "-lR", "."}, {"df", "--output=source,size", "."}, {"df", "--output=itotal", "tree"}} {
		before := run(t, m.dir, argv...)
		m.goDown()
		time.Sleep(1200 * time.Millisecond) // what the kernel remembers is too old then
		m.guard(t, 15*time.Second, argv[0], func() {
			assert.Equal(t, before, run(t, m.dir, argv...), "while down")
		})
		m.comeBack()
	}
}

// Who unmounts with data that the server does not have is told how much of
// which files, at the latest when the time to wait for the link is over.
func TestUnmountWithUnsentData(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"soon": 0, "late": 4 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newLinkedMount(t, "-o", "reconnect_timeout=3")
			m.expect(`level=ERROR msg="written data was lost"`)
			writer, said := m.startOutageWriter(t, "wait")
			m.goDown()
			m.client.writeFile(t, "down", nil)
			waitForFile(t, m.client.path("written"))
			// A program that is killed takes the error of its close along.
			require.NoError(t, writer.Process.Kill())
			<-writer.ended
			assert.Empty(t, said.String())
			time.Sleep(delay)
			require.NoError(t, unmount(m.dir))
			m.waitForEnd(7)
			m.waitForLog("did not reach the server: 100000 bytes of " + m.onServer("some-file"))
		})
	}
}

// A drop is told in plain words: that the link is gone and why, an attempt to
// connect again, and that it is back. More attempts of the same outcome are not.
func TestLogOfDrop(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	m.writeOnServer("file", "content")
	m.goDown()
	wait := time.AfterFunc(5*time.Second, m.comeBack)
	defer wait.Stop()
	assert.Equal(t, "content", m.mountFile("file")) // meanwhile it tries every second
	m.waitForLog("connected to the server again")
	log, err := os.ReadFile(m.log)
	require.NoError(t, err)
	for line, most := range map[string]int{
		`level=WARN msg="the connection to the server was lost" err=.* after=`:        1,
		`level=WARN msg="could not reconnect to the server" err=.*connection refused`: 2,
		`level=INFO msg="connected to the server again" down=.* attempts=`:            1,
	} {
		found := regexp.MustCompile("(?m)^.*"+line).FindAllString(string(log), -1)
		assert.NotEmpty(t, found, "%s in\n%s", line, log)
		assert.LessOrEqual(t, len(found), most, "%s", found)
	}
}

// outageWriter opens a file, writes to it as soon as it is told that the link is
// down, and then syncs or waits. It talks through files in a directory.
//
// It is a process of its own: while the test itself has a file open that has
// something to flush, none of the tests can start a program. Its child flushes
// its copy before it becomes that program.
const outageWriter = `
import os, sys, time
signs, then = sys.argv[1:]
fd = os.open("some-file", os.O_WRONLY | os.O_CREAT, 0o644)
open(signs + "/open", "w")
while not os.path.exists(signs + "/down"):
    time.sleep(0.05)
os.write(fd, bytes(100000))
open(signs + "/written", "w")
if then == "fsync":
    os.fsync(fd)
else:
    time.sleep(60)
`

type outageProcess struct {
	*exec.Cmd
	ended <-chan error
}

// startOutageWriter returns the writer when it has opened its file.
func (m *linkedMount) startOutageWriter(t *testing.T, then string) (outageProcess, *bytes.Buffer) {
	t.Helper()
	cmd, said := tool(t, m.dir, "python3", "-c", outageWriter, m.client.dir, then)
	ended := start(t, cmd)
	waitForFile(t, m.client.path("open"))
	return outageProcess{cmd, ended}, said
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	eventually(t, 10*time.Second, func() bool { _, err := os.Stat(path); return err == nil }, "%s", path)
}

// Whoever cannot wait for the link gives up what is unsent, knowingly.
func TestSignalsGiveUpUnsentData(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	m.expect("level=WARN msg=\"still sending what was written")
	writer, _ := m.startOutageWriter(t, "wait")
	m.goDown()
	m.client.writeFile(t, "down", nil)
	waitForFile(t, m.client.path("written"))
	require.NoError(t, writer.Process.Kill())
	<-writer.ended
	require.NoError(t, unmount(m.dir))
	time.Sleep(time.Second) // the program notices that nothing is mounted
	m.signal(syscall.SIGINT)
	m.waitForLog("another signal gives it up")
	m.signal(syscall.SIGINT)
	m.waitForEnd(7)
	m.waitForLog("did not reach the server: 100000 bytes of " + m.onServer("some-file"))
}
