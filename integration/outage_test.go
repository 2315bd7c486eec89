package integration

import (
	"os"
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

// goDownWithUnsentData leaves 100,000 bytes of a file unsent, whose writer is gone
// with the error of its close.
func (m *linkedMount) goDownWithUnsentData(t *testing.T) {
	t.Helper()
	f := hold(t, m.path("unsent"), os.O_WRONLY|os.O_CREATE)
	m.goDown()
	_, err := f.Write(make([]byte, 100_000))
	require.NoError(t, err)
	f.kill()
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
	waited := time.Since(start)
	assert.Greater(t, waited, 2*time.Second)

	start = time.Now()
	for range 10 {
		_, err = os.ReadFile(m.path("file"))
		require.ErrorIs(t, err, syscall.ETIMEDOUT)
	}
	assert.Less(t, time.Since(start), 10*waited/2, "they fail at once")

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
			m.guard(t, 45*time.Second, "unmounting", m.unmount)
		})
	}
}

// With -o hard operations wait for longer than that.
func TestHard(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "reconnect_timeout=3,hard")
	m.writeOnServer("file", "content")
	writer := hold(t, m.path("unsent"), os.O_WRONLY|os.O_CREATE)
	results := make(chan error, 3)
	m.goDown()
	_, err := writer.Write([]byte("content"))
	require.NoError(t, err)
	go func() { results <- writer.Sync() }()
	go func() { _, err := os.ReadFile(m.path("file")); results <- err }()
	go func() { results <- os.Mkdir(m.path("dir"), 0o755) }()
	select {
	case err := <-results:
		require.Fail(t, "an operation did not wait", "%v", err)
	case <-time.After(6 * time.Second):
	}
	m.comeBack()
	for range cap(results) {
		require.NoError(t, <-results)
	}
	assert.Equal(t, "content", m.serverFile("unsent"))
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
	f := hold(t, m.path("file"), os.O_RDWR)
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
		assert.Less(t, time.Since(start), 30*time.Second, "%s does not wait for the link", name)
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
		m.guard(t, 45*time.Second, argv[0], func() {
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
			m.goDownWithUnsentData(t)
			time.Sleep(delay)
			require.NoError(t, unmount(m.dir))
			m.waitForEnd(7)
			m.waitForLog("did not reach the server: 100000 bytes of " + m.onServer("unsent"))
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

// Whoever cannot wait for the link gives up what is unsent, knowingly.
func TestSignalsGiveUpUnsentData(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	m.expect("level=WARN msg=\"still sending what was written")
	m.goDownWithUnsentData(t)
	require.NoError(t, unmount(m.dir))
	eventually(t, 30*time.Second, func() bool { return !hasOpen(m.process.Pid, "/dev/fuse") }, "the program notices that nothing is mounted")
	m.signal(syscall.SIGINT)
	m.waitForLog("another signal gives it up")
	m.signal(syscall.SIGINT)
	m.waitForEnd(7)
	m.waitForLog("did not reach the server: 100000 bytes of " + m.onServer("unsent"))
}
