package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A foreignServer is an SSH server that is not an ordinary OpenSSH.
type foreignServer struct {
	name string
	// start returns a client of the server, and what names the directory
	// served by it and where that is on the disk.
	start func(t *testing.T) (c *client, dir, onDisk string)
}

var foreignServers = []foreignServer{
	{"chroot", startChroot},
	{"no extensions", func(t *testing.T) (*client, string, string) {
		return startedSSHD(t, "Subsystem sftp "+sftpServerPath+" -P "+strings.Join(extensions(t), ","))
	}},
	{"Dropbear", startDropbear},
	{"ProFTPD", startProFTPD},
	{"AsyncSSH", startAsyncSSH},
}

// ordinaryWork is what any server must be good for. It names what failed.
const ordinaryWork = `
fail() { echo "failed: $*" >&2; exit 1; }
echo one >file || fail create
echo two >>file || fail append
echo three | tee -a file >/dev/null || fail tee
[ "$(cat file)" = "$(printf 'one\ntwo\nthree')" ] || fail "contents: $(cat file)"
chmod 640 file && [ $(stat -c %a:%s file) = 640:14 ] || fail "mode, size: $(stat -c %a:%s file)"
touch -d @1000000000 file && [ $(stat -c %Y file) = 1000000000 ] || fail "time: $(stat -c %Y file)"
echo new >other && mv other file && [ "$(cat file)" = new ] || fail rename over a file
[ ! -e other ] || fail the old name
truncate -s 2 file && [ "$(cat file)" = ne ] || fail truncate
head -c 300000 /dev/urandom >big && cp big copy && cmp big copy || fail copy
dd if=big of=copy bs=1000 count=1 seek=50 conv=notrunc status=none && [ $(stat -c %s copy) = 300000 ] || fail write inside
mkdir -p a/b/c && echo deep >a/b/c/d && mv a z && [ "$(cat z/b/c/d)" = deep ] || fail folders
ln -s b/c z/link && [ "$(readlink z/link)" = b/c ] && [ "$(cat z/link/d)" = deep ] || fail symlink
[ "$(ls z/b/c | wc -l)" = 1 ] && [ "$(find z/b -type f | wc -l)" = 1 ] && [ "$(find z -name link | wc -l)" = 1 ] || fail "listing: $(find z -ls)"
rmdir z/b 2>/dev/null && fail rmdir of a full folder
rm -r z && [ ! -e z ] || fail rm -r
git init -q repo && cd repo && git config core.fsync none || fail git init
for i in 1 2; do echo $i >>f; git add f; git commit -q -m $i || fail git commit; done
[ $(git log --oneline | wc -l) = 2 ] && git fsck --no-progress && [ -z "$(git status --porcelain)" ] || fail git
`

func TestForeignServers(t *testing.T) {
	t.Parallel()
	for _, server := range foreignServers {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			c, dir, onDisk := server.start(t)
			m := prepareMount(t, c, onDisk)
			m.start(hostAlias+":"+dir, m.dir)
			shell(t, m.dir, ordinaryWork)
			require.FileExists(t, filepath.Join(onDisk, "repo/f"))
			m.unmount()
		})
	}
}

func startedSSHD(t *testing.T, config ...string) (*client, string, string) {
	t.Helper()
	s := startSSHD(t, config...)
	dir := t.TempDir()
	return s.client(), dir, dir
}

// extensions are those that sftp-server can be told not to have.
func extensions(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, name := range strings.Fields(run(t, "/", sftpServerPath, "-Q", "requests")) {
		switch name {
		case "open", "close", "read", "write", "lstat", "fstat", "setstat", "fsetstat", "opendir", "readdir",
			"remove", "mkdir", "rmdir", "realpath", "stat", "rename", "readlink", "symlink":
		default:
			names = append(names, name)
		}
	}
	require.Greater(t, len(names), 5)
	return names
}

// startChroot serves a directory as "/" and nothing but SFTP.
func startChroot(t *testing.T) (*client, string, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can change the root directory")
	}
	// All folders above it must be root's alone, which /tmp is not.
	root, err := os.MkdirTemp("/run", "sftpmount-chroot-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	require.NoError(t, os.Mkdir(root+"/data", 0o755))
	c, _, _ := startedSSHD(t, "Subsystem sftp internal-sftp", "ForceCommand internal-sftp", "ChrootDirectory "+root)
	return c, "/data", root + "/data"
}

// startForeign starts a server that is not sshd, with the keys of s, and waits
// until it greets.
func startForeign(t *testing.T, s *sshd, argv ...string) (*client, string, string) {
	t.Helper()
	log, err := os.OpenFile(s.logPath(), os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(t, err)
	defer log.Close()
	s.daemon = exec.Command(argv[0], argv[1:]...)
	s.daemon.Stdout, s.daemon.Stderr = log, log
	require.NoError(t, s.daemon.Start())
	t.Cleanup(s.close)
	eventually(t, 30*time.Second, s.greets, "%s on port %d:\n%s", argv[0], s.port, tail{s.logPath()})
	dir := t.TempDir()
	return s.client(), dir, dir
}

// foreignKeys makes the keys and the port of a server that is not sshd.
func foreignKeys(t *testing.T) *sshd {
	t.Helper()
	s := &sshd{t: t, dir: t.TempDir(), hostKey: newKeyPair(t), userKey: newKeyPair(t)}
	s.writeFile("host_key", s.hostKey.private)
	s.writeFile("authorized_keys", []byte(s.userKey.public+"\n"))
	s.choosePort()
	return s
}

// startDropbear runs OpenSSH's sftp-server under another SSH. It takes the
// user's keys from the home directory, which is another one in a mount
// namespace of its own.
func startDropbear(t *testing.T) (*client, string, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can give the server another home directory")
	}
	s := foreignKeys(t)
	require.NoError(t, os.Mkdir(s.dir+"/.ssh", 0o700))
	s.writeFile(".ssh/authorized_keys", []byte(s.userKey.public+"\n"))
	run(t, s.dir, "dropbearconvert", "openssh", "dropbear", "host_key", "dropbear_key")
	return startForeign(t, s, "unshare", "--mount", "sh", "-c", `mount --bind "$0" ~root && exec "$@"`, s.dir,
		"dropbear", "-F", "-E", "-s", "-r", s.dir+"/dropbear_key", "-P", s.dir+"/pid", "-p", s.addr())
}

// startProFTPD has an SSH and an SFTP of its own.
func startProFTPD(t *testing.T) (*client, string, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the server starts as root alone")
	}
	s := foreignKeys(t)
	s.writeFile("keys.pub", []byte(s.userKey.public+"\n"))
	s.writeFile("authorized_keys", []byte(run(t, s.dir, "ssh-keygen", "-e", "-f", "keys.pub")))
	s.writeFile("config", fmt.Appendf(nil, `ModulePath /usr/lib/proftpd
LoadModule mod_sftp.c
ServerType standalone
DefaultAddress 127.0.0.1
UseIPv6 off
Port %d
User nobody
Group nogroup
PidFile %s/pid
ScoreboardFile none
DelayEngine off
TransferLog none
WtmpLog off
UseFtpUsers off
RequireValidShell off
RootLogin on
AuthOrder mod_auth_unix.c
AllowOverwrite on
AllowStoreRestart on
SFTPEngine on
SFTPHostKey %s/host_key
SFTPAuthorizedUserKeys file:%s/authorized_keys
SFTPAuthMethods publickey
`, s.port, s.dir, s.dir, s.dir))
	return startForeign(t, s, "proftpd", "-n", "-c", s.dir+"/config")
}

const asyncSSHServer = `
import asyncio, asyncssh, sys
async def main():
    port, keys = int(sys.argv[1]), sys.argv[2]
    await asyncssh.listen('127.0.0.1', port, server_host_keys=[keys + '/host_key'],
                          authorized_client_keys=keys + '/authorized_keys', sftp_factory=True)
    await asyncio.Event().wait()
asyncio.run(main())
`

// startAsyncSSH has an SSH and an SFTP of its own, in Python.
func startAsyncSSH(t *testing.T) (*client, string, string) {
	t.Helper()
	s := foreignKeys(t)
	s.writeFile("server.py", []byte(asyncSSHServer))
	return startForeign(t, s, "/usr/bin/python3", "-W", "ignore", s.dir+"/server.py", fmt.Sprint(s.port), s.dir)
}
