package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ordinary is the user nobody, who is on every system and has no rights.
const ordinary = 65534

// asUser makes cmd run as an ordinary user.
func asUser(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}}
	return cmd
}

// runAsUser is run for an ordinary user.
func runAsUser(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd, out := tool(t, dir, argv...)
	require.NoError(t, asUser(cmd).Run(), "%v\n%s", argv, out)
	return out.String()
}

// forEveryone reports whether all users may read and write a file.
func forEveryone(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o006 == 0o006
}

// namespaceVariable is set for a test that inNamespace runs.
const namespaceVariable = "SFTPMOUNT_TEST_NAMESPACE"

func inOwnNamespace() bool { return os.Getenv(namespaceVariable) != "" }

// inNamespace runs the test again in a mount namespace of its own, with which
// all its mounts end, after a script that finds a path for a file in $0.
func inNamespace(t *testing.T, script string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", helperVariable+`=leave-mounts "$1"`+"\n"+script+"\n"+`exec "$@"`,
		file, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-program="+*program)
	cmd.Env = append(os.Environ(), namespaceVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}

func init() { helpers["leave-mounts"] = leaveMounts }

// leaveMounts gives up the copies that a new mount namespace has of all FUSE
// mounts there are: other tests' mounts would live on in them.
func leaveMounts([]string) error {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return !strings.HasPrefix(m.FSType, "fuse"), false
	})
	for _, m := range slices.Backward(mounts) {
		// One that lies below another is gone already.
		_ = unix.Unmount(m.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	return err
}

// An ordinary user mounts and unmounts with fusermount3, and logs in at the
// server with the same name.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("all other tests run as an ordinary user already")
	}
	if !forEveryone("/dev/fuse") {
		// As it is on any system with udev. Containers often keep it to root.
		inNamespace(t, `mknod -m 666 "$0" c 10 229; mount --bind "$0" /dev/fuse`)
		return
	}
	s := startSSHD(t, "Subsystem sftp internal-sftp") // nobody's shell starts no sftp-server
	require.NoError(t, os.Chmod(filepath.Join(s.dir, "authorized_keys"), 0o644))
	c := newClient(t, s, userName(t, ordinary), s.port)
	c.giveTo(t, ordinary)
	m := prepareMount(t, c, t.TempDir())
	require.NoError(t, os.Chmod(filepath.Dir(c.dir), 0o755)) // the test's own folder for temporary files
	for _, dir := range []string{m.remote, m.dir} {
		require.NoError(t, os.Chown(dir, ordinary, ordinary))
	}
	m.startCommand(asUser(m.command(hostAlias+":"+m.remote, m.dir)))

	tree := makeTree(t, 6, 4)
	run(t, "/", "chmod", "-R", "a+rX", tree)
	runAsUser(t, m.dir, "cp", "-r", "--preserve=mode,timestamps", tree, "in")
	sameTree(t, tree, m.onServer("in"))
	runAsUser(t, "/", "diff", "-r", tree, m.path("in"))
	assert.Equal(t, strconv.Itoa(ordinary)+"\n", run(t, m.remote, "stat", "-c", "%u", "in"))
	_, err := os.Stat(m.path("in"))
	require.ErrorIs(t, err, syscall.EACCES, "other users, even root, are kept out")

	assert.Contains(t, runAsUser(t, "/", *program, "list"), m.dir)
	assert.Contains(t, runAsUser(t, "/", *program, "status", m.dir), "up for")
	assert.Contains(t, sftpmount(t, 3, "status", m.dir), "sudo -u '#"+strconv.Itoa(ordinary)+"'")

	for dir, says := range map[string]string{
		m.dir:  `is mounted on .* already: .* fusermount3 -u `,
		"/usr": `/usr: this user may not write to it`,
	} {
		cmd, out := tool(t, "/", *program, "-F", c.config, hostAlias+":"+m.remote, dir)
		require.Error(t, asUser(cmd).Run())
		assert.Equal(t, 3, cmd.ProcessState.ExitCode())
		assert.Regexp(t, says, out.String())
	}

	runAsUser(t, "/", *program, "unmount", m.dir)
	m.waitForEnd(0)
}

// In a container root may often not mount, and there is no fusermount3.
func TestRootWithoutCapability(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root has capabilities to lose")
	}
	s := startSSHD(t)
	m := prepareMount(t, newClient(t, s, "root", s.port), t.TempDir())
	cmd, out := tool(t, "/", "setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "env", "PATH="+t.TempDir(),
		*program, "-F", m.client.config, hostAlias+":"+m.remote, m.dir)
	require.Error(t, cmd.Run())
	assert.Equal(t, 6, cmd.ProcessState.ExitCode())
	assert.Regexp(t, `operation not permitted.*--cap-add SYS_ADMIN`, out.String())
	assert.False(t, m.mounted())
}
