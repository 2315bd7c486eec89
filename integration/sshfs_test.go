package integration

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sshfsLink is the program by the name of sshfs.
func sshfsLink(t *testing.T) string {
	t.Helper()
	absolute, err := filepath.Abs(*program)
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "sshfs")
	require.NoError(t, os.Symlink(absolute, link))
	return link
}

// Called by the name of sshfs, the program is what scripts take for it.
func TestCalledAsSSHFS(t *testing.T) {
	t.Parallel()
	sshfs := sshfsLink(t)
	assert.Regexp(t, `\ASSHFS version 3\.7\.6\nFUSE library version 3\.\d+\.\d+\nsftpmount version \S+\n\z`,
		run(t, "/", sshfs, "-V"))
	assert.Regexp(t, `\Ausage: sshfs \[user@\]host:`, run(t, "/", sshfs, "--help"))
	for _, args := range [][]string{{"server:"}, {"server:", "/no/such/place"}, {"server:", "/mnt", "-o", "reconect"}} {
		cmd, said := tool(t, "/", append([]string{sshfs}, args...)...)
		require.Error(t, cmd.Run())
		assert.Equal(t, 1, cmd.ProcessState.ExitCode(), args)
		assert.Regexp(t, `\Asshfs: [^\n]+\n\z`, said.String())
	}

	s := startSSHD(t)
	m := prepareMount(t, s.client(), t.TempDir())
	m.writeOnServer("file", "content")
	cmd := m.command("-oreconnect,idmap=none", "-o", "cache_timeout=5,big_writes,_netdev,x-systemd.automount,comment=a b",
		"-C", "-s", "--", m.dir, hostAlias+":"+m.remote)
	cmd.Path, cmd.Args[0] = sshfs, sshfs
	m.expect(`compression is not supported`)
	m.startCommand(cmd)
	assert.Equal(t, "content", run(t, "/", "cat", m.path("file")))
	assert.Contains(t, run(t, "/", "cat", "/proc/mounts"), hostAlias+":"+m.remote+" "+m.dir+" fuse.sshfs rw,nosuid,nodev,")
	m.unmount()
}

// With delay_connect the server may be away when the mount is made.
func TestDelayConnect(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	deep := filepath.Join(home, "folder/deep")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	for work, c := range map[string]struct{ dir, is string }{
		"absolute": {deep, deep}, "home": {"", home}, "tilde": {"~/folder/deep/", deep},
	} {
		t.Run(work, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t, "Subsystem sftp "+sftpServerPath+" -d "+home)
			m := prepareMount(t, s.client(), c.is)
			s.stop()
			m.start("-o", "delay_connect", hostAlias+":"+c.dir, m.dir)
			s.start()
			assert.Zero(t, s.timesSaid("Accepted publickey"), "nobody has used the mount")
			shell(t, m.dir, `
				mkdir -p `+work+`/b; cd `+work+`; echo one > b/file
				ln -s ../b/file b/link; [ $(cat b/link) = one ]
				mv b c; ls c; rm c/link`)
			assert.Equal(t, 1, s.timesSaid("Accepted publickey"))
			assert.Equal(t, "one\n", run(t, "/", "cat", m.onServer(work+"/c/file")))
			m.unmount()
		})
	}
}

// Options that change what programs see, on one mount.
func TestSSHFSOptions(t *testing.T) {
	t.Parallel()
	m := newMount(t, "-o", "disable_hardlink,sync_readdir,workaround=rename:truncate:fstat:createmode:nobuflimit")
	require.NoError(t, os.WriteFile(m.path("file"), []byte("0123456789"), 0o640))
	err := os.Link(m.path("file"), m.path("hard"))
	// Newer kernels remember the ENOSYS, and make it EPERM.
	require.True(t, errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM), err)
	shell(t, m.dir, `
		truncate -s 5 file; [ "$(cat file)" = 01234 ]; [ $(stat -c %a file) = 640 ]
		truncate -s 1000000 file; [ $(stat -c %s file) = 1000000 ]
		touch many-{1..500}; [ $(ls | wc -l) = 501 ]
		echo new > other; mv other file; [ $(cat file) = new ]`)
}

// With auto_unmount a mount does not outlive its program, however that ends.
func TestAutoUnmount(t *testing.T) {
	t.Parallel()
	m := newMount(t, "-o", "auto_unmount")
	guards := children(m.process.Pid)
	require.Len(t, guards, 1)
	assert.Equal(t, "fusermount3", processName(guards[0]))
	m.signal(syscall.SIGKILL)
	<-m.ended
	gone := func() bool { return !m.mounted() && !running(guards[0]) }
	eventually(t, 30*time.Second, gone, "the mount of a killed program is left")

	m.start("-o", "auto_unmount", hostAlias+":"+m.remote, m.dir)
	guards = children(m.process.Pid)
	require.Len(t, guards, 1)
	m.unmount()
	assert.True(t, gone())
}
