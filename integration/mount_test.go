package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// endPatience is how long the program may take to end after an unmount.
const endPatience = 30 * time.Second

// mount is the program serving a directory of a server.
type mount struct {
	t      testing.TB
	client *client
	remote string // the directory on the server's disk
	dir    string // where it is mounted
	log    string // path of what the program prints

	process  *os.Process
	ended    chan struct{} // closed when the program has ended
	state    *os.ProcessState
	expected []*regexp.Regexp // complaints that the test provokes
	watchdog *watchdog
}

// mountDir mounts the directory remote of s for root, or for whoever runs the
// tests, and unmounts it at the end of the test.
func mountDir(t testing.TB, s *sshd, remote string, args ...string) *mount {
	t.Helper()
	return mountAs(t, s.client(), remote, args...)
}

// mountAs mounts with the configuration of c.
func mountAs(t testing.TB, c *client, remote string, args ...string) *mount {
	t.Helper()
	m := prepareMount(t, c, remote)
	m.start(append(args, hostAlias+":"+remote, m.dir)...)
	return m
}

// prepareMount readies all but the mount itself.
func prepareMount(t testing.TB, c *client, remote string) *mount {
	t.Helper()
	m := &mount{t: t, client: c, remote: remote, dir: t.TempDir()}
	m.log = filepath.Join(t.TempDir(), "log")
	t.Cleanup(m.close)
	return m
}

// command is the program with arguments, in the foreground.
func (m *mount) command(args ...string) *exec.Cmd {
	return exec.Command(*program, append([]string{"-f", "-F", m.client.config}, args...)...)
}

// start runs the program in the foreground and waits for its mount.
func (m *mount) start(args ...string) {
	m.t.Helper()
	m.startCommand(m.command(args...))
}

func (m *mount) startCommand(cmd *exec.Cmd) {
	m.t.Helper()
	log, err := os.OpenFile(m.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	require.NoError(m.t, err)
	defer log.Close()
	cmd.Stderr = log
	require.NoError(m.t, cmd.Start())
	m.adopt(cmd.Process)
	eventually(m.t, 30*time.Second, func() bool { return m.mounted() || m.hasEnded() }, "mount on %s", m.dir)
	require.True(m.t, m.mounted(), "the program ended before it mounted:\n%s", tail{m.log})
}

// adopt makes p the program that serves the mount.
func (m *mount) adopt(p *os.Process) {
	ended := make(chan struct{})
	m.process, m.ended = p, ended
	go func() {
		m.state, _ = p.Wait()
		close(ended)
	}()
	if m.watchdog != nil {
		m.watchdog.stop()
	}
	m.watchdog = watch(m)
}

func (m *mount) hasEnded() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

func (m *mount) mounted() bool {
	mounts, err := mountPoints()
	require.NoError(m.t, err)
	return slices.Contains(mounts, m.dir)
}

// path names a file on the mount.
func (m *mount) path(name string) string { return filepath.Join(m.dir, name) }

// onServer names the same file on the server's disk.
func (m *mount) onServer(name string) string { return filepath.Join(m.remote, name) }

// expect declares complaints that the test provokes.
func (m *mount) expect(patterns ...string) {
	for _, p := range patterns {
		m.expected = append(m.expected, regexp.MustCompile(p))
	}
}

// unmount unmounts as a user does, and checks that the program ends in peace.
func (m *mount) unmount() {
	m.t.Helper()
	require.NoError(m.t, unmount(m.dir))
	m.waitForEnd(0)
}

// waitForEnd waits until the program has ended with one of the given exit statuses
// and left no mount.
func (m *mount) waitForEnd(codes ...int) {
	m.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(endPatience):
		m.watchdog.bark("the program did not end after its unmount")
		m.t.FailNow()
	}
	assert.Contains(m.t, codes, m.state.ExitCode(), "%v:\n%s", m.state, tail{m.log})
	assert.False(m.t, m.mounted(), "the program ended, its mount is left")
}

// close ends what the test left, and judges the program's log.
func (m *mount) close() {
	if m.process == nil {
		return // it was never started
	}
	m.watchdog.stop()
	defer m.checkLog()
	switch {
	case !m.hasEnded() && m.mounted():
		if err := unmount(m.dir); err != nil {
			m.t.Errorf("unmount: %v", err)
			m.watchdog.abort()
			return
		}
		m.waitForEnd(0)
	case !m.hasEnded():
		m.t.Errorf("the program lives on without a mount")
		m.watchdog.abort()
	case m.mounted():
		_ = detach(m.dir)
	}
}

func (m *mount) checkLog() {
	m.t.Helper()
	log, err := os.ReadFile(m.log)
	require.NoError(m.t, err)
	assert.Empty(m.t, complaints(string(log), m.expected), "the program complained")
	if m.t.Failed() {
		m.t.Logf("%s said:\n%s", *program, tail{m.log})
	}
}

// unmount unmounts dir by the means that the user running the tests has.
//
// It tries again while the mount is busy: the children that other tests start
// have copies of this process's open files, until they run their programs.
func unmount(dir string, flags ...string) error {
	deadline := time.Now().Add(3 * time.Second)
	for {
		err := unmountOnce(dir, flags...)
		if err == nil || !strings.Contains(err.Error(), "busy") || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// unmountOnce kills the unmounting program where it would hang. Its time begins
// when it runs: until then it may wait for a child that another test starts, and
// that flushes its copy of a file whose link is down.
func unmountOnce(dir string, flags ...string) error {
	argv := []string{"umount"}
	if os.Getuid() != 0 {
		argv = []string{"fusermount3", "-u"}
	}
	argv = append(append(argv, flags...), dir)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	defer time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	// Another test's child may hold a copy of the pipe for long.
	if err := cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// detach takes dir out of the tree at once, and ends the waits of programs
// that use it.
func detach(dir string) error {
	if os.Getuid() != 0 {
		return unmount(dir, "-z")
	}
	return unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
}

// mountPoints lists the directories on which something is mounted. Unlike
// stat(2) on them, that never blocks.
func mountPoints() ([]string, error) {
	mounts, err := mountinfo.GetMounts(nil)
	var dirs []string
	for _, m := range mounts {
		dirs = append(dirs, m.Mountpoint)
	}
	return dirs, err
}

// signal sends a signal to the program.
func (m *mount) signal(s syscall.Signal) {
	m.t.Helper()
	require.NoError(m.t, m.process.Signal(s))
}
