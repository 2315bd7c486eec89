package integration

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A refusal is a mount that must not come about.
type refusal struct {
	name    string
	server  []string // lines of sshd_config
	prepare func(t *testing.T, m *mount, s *sshd)
	args    []string // in place of those of a good mount; MNT is the mountpoint
	stdin   string
	says    string // pattern of the one line that says why
	code    int    // exit status; 0: any other
}

// refusals are those that take a server, or a configuration, to show; for the others
// see cmd/sftpmount.
var refusals = []refusal{
	{name: "no such directory", args: []string{"server:/no/such/directory", "MNT"}, says: `/no/such/directory.*(not exist|no such)`},
	{name: "file instead of directory", args: []string{"server:/etc/passwd", "MNT"}, says: `/etc/passwd.*not a directory`},
	{name: "key below the mountpoint", prepare: func(t *testing.T, m *mount, s *sshd) {
		require.NoError(t, os.WriteFile(m.path("key"), s.userKey.private, 0o600))
		m.client.replaceInConfig(t, m.client.path("key"), m.path("key"))
	}, says: `hide the key .*/key .*IdentityFile=`},
	{name: "wrong key", prepare: func(t *testing.T, m *mount, _ *sshd) {
		m.client.writeFile(t, "key", newKeyPair(t).private)
	}, says: `(?i)(permission denied|no authentication method|unable to authenticate|authentication failed|login)`, code: 15},
	{name: "key that others can read", prepare: func(t *testing.T, m *mount, _ *sshd) {
		require.NoError(t, os.Chmod(m.client.path("key"), 0o644))
	}, says: `UNPROTECTED PRIVATE KEY FILE.*chmod 600`, code: 16},
	{name: "changed host key", prepare: func(t *testing.T, m *mount, s *sshd) {
		other := newKeyPair(t).public
		m.client.writeFile(t, "known_hosts", []byte("# a comment\n[127.0.0.1]:"+strconv.Itoa(s.port)+" "+other+"\n"))
	}, says: `REMOTE HOST IDENTIFICATION HAS CHANGED.*known_hosts:2`, code: 14},
	{name: "unknown host key", prepare: func(t *testing.T, m *mount, _ *sshd) {
		m.client.writeFile(t, "known_hosts", nil)
		m.client.replaceInConfig(t, "StrictHostKeyChecking yes", "StrictHostKeyChecking ask")
	}, says: `(?i)host key.*SHA256:`, code: 14},
	{name: "strictly unknown host key", prepare: func(t *testing.T, m *mount, _ *sshd) {
		m.client.writeFile(t, "known_hosts", nil)
	}, says: `(?i)host key`, code: 14},
	{name: "nobody listens", prepare: func(_ *testing.T, _ *mount, s *sshd) { s.stop() }, says: `(?i)refused`, code: 11},
	{name: "silent server", prepare: func(t *testing.T, m *mount, _ *sshd) {
		m.client.replaceInConfig(t, "Port ", "Port "+silentPort(t)+"\n    # ")
		m.client.replaceInConfig(t, "ConnectTimeout 30", "ConnectTimeout 2")
	}, says: `(?i)(time|silent|did not answer)`, code: 12},
	{name: "not an ssh server", prepare: func(t *testing.T, m *mount, _ *sshd) {
		m.client.replaceInConfig(t, "Port ", "Port "+rudePort(t)+"\n    # ")
	}, says: `.`},
	{name: "no sftp subsystem", server: []string{"Subsystem sftp /bin/false"}, says: `(?i)(sftp)`, code: 18},
	{name: "shell that prints text", server: []string{"Subsystem sftp echo Welcome; " + sftpServerPath}, says: `Welcome.*start-up`, code: 19},
	{name: "no common algorithm", server: []string{"Ciphers aes256-ctr"}, args: []string{"-o", "Ciphers=aes128-ctr", "server:/", "MNT"},
		says: `aes128-ctr.*aes256-ctr|aes256-ctr.*aes128-ctr`, code: 13},
	{name: "unknown name", args: []string{"-o", "HostName=nowhere.invalid", "server:/", "MNT"}, says: `nowhere\.invalid`, code: 10},
	{name: "wrong password", server: []string{"PasswordAuthentication yes", "PermitRootLogin yes"},
		prepare: withoutKey, args: []string{"-o", "password_stdin", "server:/", "MNT"}, stdin: "not it\n",
		says: `(?i)(permission denied|password|unable to authenticate|authentication failed)`},
	{name: "nobody to ask for a password", server: []string{"PasswordAuthentication yes", "PermitRootLogin yes"},
		prepare: withoutKey, says: `(?i)(password|terminal|permission denied|unable to authenticate|authentication)`},
	{name: "jump host", args: []string{"-o", "ProxyJump=other.invalid", "server:/", "MNT"}, says: `jump host other.invalid`, code: 10},
	{name: "proxy command", prepare: func(t *testing.T, m *mount, _ *sshd) {
		m.client.replaceInConfig(t, "IdentitiesOnly yes", "ProxyCommand false")
	}, says: `closed the connection`},
	{name: "host that looks like an option", args: []string{"--", "-oProxyCommand=touch pwned:/", "MNT"}, says: `-oProxyCommand`},
	{name: "unknown option", args: []string{"server:/", "MNT", "-o", "reconect"}, says: `"reconect".*reconnect`},
	{name: "value that ssh refuses", args: []string{"-o", "Compression=no,ServerAliveInterval=soon", "server:/", "MNT"},
		says: `option "ServerAliveInterval=soon": .*time`, code: 2},
	{name: "foreign address to bind", args: []string{"-o", "BindAddress=192.0.2.1", "server:/", "MNT"}, says: `from 192\.0\.2\.1`},
	{name: "missing ssh_config", args: []string{"-F", "/no/such/config", "server:/", "MNT"}, says: `/no/such/config`},
}

// Whatever is wrong, the program says so in one line, fails and mounts nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t, r.server...)
			c := s.client()
			m := prepareMount(t, c, t.TempDir())
			if r.prepare != nil {
				r.prepare(t, m, s)
			}
			args := append([]string{}, r.args...)
			if r.args == nil {
				args = []string{hostAlias + ":" + m.remote, m.dir}
			}
			for i := range args {
				args[i] = strings.Replace(args[i], "MNT", m.dir, 1)
			}
			for _, mode := range [][]string{{}, {"-f"}} {
				said, err := runDetached(t, r.stdin, append(append(mode, "-F", c.config), args...)...)
				var exit *exec.ExitError
				require.ErrorAs(t, err, &exit, "it said %q", said)
				if r.code != 0 {
					assert.Equal(t, r.code, exit.ExitCode(), "it said %q", said)
				}
				assert.Regexp(t, r.says, said)
				assert.Regexp(t, `\Asftpmount: [^\n]+\n\z`, said, "one line")
				assert.False(t, m.mounted())
			}
		})
	}
}

func withoutKey(t *testing.T, m *mount, _ *sshd) {
	m.client.replaceInConfig(t, "IdentityFile", "# IdentityFile")
	m.client.replaceInConfig(t, "IdentitiesOnly yes", "PubkeyAuthentication no")
}

// runDetached runs the program without a terminal to ask questions on, and
// returns what it said.
func runDetached(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, *program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = time.Second
	out := new(bytes.Buffer)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), out, out
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "it hangs; it said %q", out)
	return out.String(), err
}

// silentPort is a port on which somebody listens and says nothing.
func silentPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// rudePort is a port on which a server of another kind listens.
func rudePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
