package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// managerSocket is where systemd listens to its services (sd_notify(3)).
type managerSocket struct {
	path string

	mu   sync.Mutex
	said []string
}

func listenAsManager(t *testing.T) *managerSocket {
	t.Helper()
	s := &managerSocket{path: filepath.Join(t.TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	require.NoError(t, err)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.said = append(s.said, string(buf[:n]))
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-listening
	})
	return s
}

// all returns the messages so far.
func (s *managerSocket) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

// waitFor waits for a message that was not there among the first seen ones, and
// returns how many there are with it.
func (s *managerSocket) waitFor(t *testing.T, seen int, pattern string) int {
	t.Helper()
	expr := regexp.MustCompile(pattern)
	var found int
	eventually(t, 30*time.Second, func() bool {
		found = slices.IndexFunc(s.all()[seen:], expr.MatchString)
		return found >= 0
	}, "a message %q among %q", pattern, s.all())
	return seen + found + 1
}

// systemd hears when the mount is there, how its connection fares, that it still
// answers, and when it ends.
func TestNotify(t *testing.T) {
	t.Parallel()
	manager := listenAsManager(t)
	s := startSSHD(t)
	m := prepareMount(t, s.client(), t.TempDir())
	m.expect(`level=WARN.*(?i)(connect|link|server)`)
	cmd := m.command(hostAlias+":"+m.remote, m.dir)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+manager.path, "WATCHDOG_USEC=4000000")
	m.startCommand(cmd)

	seen := manager.waitFor(t, 0, `^READY=1$`)
	assert.Equal(t, 1, seen, "nothing before it is ready: %q", manager.all())
	seen = manager.waitFor(t, seen, `^STATUS=connected since \d+`)
	seen = manager.waitFor(t, seen, `^WATCHDOG=1$`)
	s.stop()
	seen = manager.waitFor(t, seen, `^STATUS=.*no connection since .*(refused|lost|closed|EOF|reset)`)
	seen = manager.waitFor(t, seen, `^WATCHDOG=1$`)
	s.start()
	seen = manager.waitFor(t, seen, `^STATUS=connected since \d+`)
	m.unmount()
	last := manager.waitFor(t, seen, `^STOPPING=1$`)
	assert.Len(t, manager.all(), last, "nothing after the end: %q", manager.all())
	for _, message := range manager.all() {
		assert.Equal(t, 0, strings.Count(message, "\n"), "%q", message)
	}
}

// A mount that does not answer does not calm the watchdog.
func TestWatchdogBites(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can mount something that does not answer")
	}
	manager := listenAsManager(t)
	s := startSSHD(t)
	m := prepareMount(t, s.client(), t.TempDir())
	cmd := m.command(hostAlias+":"+m.remote, m.dir)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+manager.path, "WATCHDOG_USEC=2200000")
	m.startCommand(cmd)
	manager.waitFor(t, 0, `^WATCHDOG=1$`)

	coverWithDeadMount(t, m.dir)
	time.Sleep(time.Second) // for an answer that was under way
	before := len(manager.all())
	time.Sleep(3 * time.Second)
	assert.NotContains(t, manager.all()[before:], "WATCHDOG=1")
	require.NoError(t, unix.Unmount(m.dir, unix.MNT_DETACH))
	manager.waitFor(t, before, `^WATCHDOG=1$`)
}

// coverWithDeadMount mounts a FUSE file system on dir that nobody serves.
func coverWithDeadMount(t *testing.T, dir string) {
	t.Helper()
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	require.NoError(t, err)
	defer fuse.Close()
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse.Fd())
	require.NoError(t, unix.Mount("dead", dir, "fuse", 0, data))
}
