package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was written is on the server when umount returns, though the file was
// never fsynced.
func TestUnmount(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	content := strings.Repeat("0123456789", 400_000)
	m.write("file", content)
	require.NoError(t, unmount(m.dir))
	sameText(t, content, m.serverFile("file"), "on the server")
	m.waitForEnd(0)
}

func TestSignalUnmounts(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			m := newMount(t)
			run(t, m.dir, "sh", "-c", "printf content > file") // see unmount
			m.signal(signal)
			m.waitForEnd(0)
			assert.Equal(t, "content", m.serverFile("file"))
		})
	}
}

// A mount in use is not torn away by the first signal; a second one detaches
// it, and files that are open go on working.
func TestSignalWhileBusy(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.expect(`is busy|is detached`)
	m.write("file", "content")
	f, err := os.OpenFile(m.path("file"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	m.signal(syscall.SIGINT)
	m.waitForLog("is busy")
	assert.True(t, m.mounted())

	m.signal(syscall.SIGINT)
	eventually(t, 30*time.Second, func() bool { return !m.mounted() }, "the second signal detaches")
	_, err = f.WriteAt([]byte("CON"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	m.waitForEnd(0)
	assert.Equal(t, "CONtent", m.serverFile("file"))
}

func TestBackground(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	c := s.client()
	m := prepareMount(t, c, t.TempDir())
	m.writeOnServer("file", "content")
	require.NoError(t, os.WriteFile(m.log, nil, 0o600))

	said, err := runDetached(t, "", "-F", c.config, hostAlias+":"+m.remote, m.dir)
	require.NoError(t, err, said)
	assert.Empty(t, said)
	require.True(t, m.mounted(), "it is mounted when the program returns")
	m.adopt(findDaemon(t, m.dir))
	assert.Contains(t, sftpmount(t, 0, "status", m.dir), m.dir, "and can be asked how it is")
	assert.Equal(t, "content", m.mountFile("file"))
	m.unmount()
}

// Nothing that stays in the background holds what it inherited, such as the pipe
// of a shell that collects output.
func TestBackgroundHoldsNothing(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	m := prepareMount(t, s.client(), t.TempDir())
	require.NoError(t, os.WriteFile(m.log, nil, 0o600))
	absolute, err := filepath.Abs(*program)
	require.NoError(t, err)
	run(t, "/", "timeout", "20", "bash", "-c", `said=$("$@" 9>&1); [ -z "$said" ]`, "bash",
		absolute, "-F", m.client.config, "-o", "auto_unmount", hostAlias+":"+m.remote, m.dir)
	m.adopt(findDaemon(t, m.dir))
	m.unmount()
}

// findDaemon finds the program that serves dir in the background. This process
// is its parent by now: see adoptOrphans.
func findDaemon(t *testing.T, dir string) *os.Process {
	t.Helper()
	for _, pid := range children(os.Getpid()) {
		if strings.HasSuffix(commandLine(pid), dir) {
			process, err := os.FindProcess(pid)
			require.NoError(t, err)
			return process
		}
	}
	require.Fail(t, "no program in the background")
	return nil
}

func TestOptionsAnywhere(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	m := prepareMount(t, s.client(), t.TempDir())
	m.startCommand(exec.Command(*program, "-o", "ro", hostAlias+":"+m.remote, "-F"+m.client.config,
		"-o", "uid=7,gid=8", m.dir, "-f", "-oumask=077"))
	m.writeOnServer("file", "content")
	assert.Equal(t, "7 8 700\n", run(t, m.dir, "stat", "-c", "%u %g %a", "file"))
	_, err := tryRun(t, m.dir, "touch", "new")
	require.Error(t, err, "mounted read-only")
}

func TestRelativeDirectories(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	c := s.client()
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	if out, err := exec.Command("getent", "passwd", userName(t, os.Getuid())).Output(); err == nil {
		home = strings.Split(string(out), ":")[5]
	}
	for _, dir := range []string{"", "~", ".", "~/", "~" + userName(t, os.Getuid())} {
		t.Run("home as "+dir, func(t *testing.T) {
			m := prepareMount(t, c, home)
			m.start(hostAlias+":"+dir, m.dir)
			assert.Equal(t, run(t, home, "ls", "-A"), run(t, m.dir, "ls", "-A"))
		})
	}
}

// A program that was killed leaves a dead mount, which the next one takes away.
func TestDeadMount(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.expect(`cleared a dead mount`)
	m.write("file", "content")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(m.dir, link))
	for _, dir := range []string{m.dir, link} {
		m.signal(syscall.SIGKILL)
		<-m.ended
		require.True(t, m.mounted())
		m.start(hostAlias+":"+m.remote, dir)
		eventually(t, 30*time.Second, func() bool {
			content, err := os.ReadFile(m.path("file"))
			return err == nil && string(content) == "content"
		}, "a mount that answers")
	}
	m.waitForLog("cleared a dead mount")
	mounts, err := mountPoints()
	require.NoError(t, err)
	assert.Len(t, slices.DeleteFunc(mounts, func(dir string) bool { return dir != m.dir }), 1, "the dead ones are gone")
}

// The dead mount of another program is not this one's to take away. It says so,
// and which command clears it.
func TestDeadMountOfAnother(t *testing.T) {
	t.Parallel()
	m := newMount(t, "-o", "subtype=another")
	m.signal(syscall.SIGKILL)
	<-m.ended

	said, err := runDetached(t, "", "-F", m.client.config, hostAlias+":"+m.remote, m.dir)
	require.Error(t, err)
	assert.Contains(t, said, "dead mount")
	_, command, found := strings.Cut(strings.TrimSpace(said), "with: ")
	require.True(t, found, "no command in %q", said)
	shell(t, "/", command)
	assert.False(t, m.mounted())
}
