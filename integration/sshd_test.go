package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	sshdPath       = "/usr/sbin/sshd" // sshd wants to be started by its full path
	sftpServerPath = "/usr/lib/openssh/sftp-server"
)

// sshd is an OpenSSH server on a loopback port, with keys and a configuration
// of its own.
type sshd struct {
	t       testing.TB
	dir     string
	port    int
	hostKey keyPair
	userKey keyPair
	extra   []string // lines of sshd_config
	daemon  *exec.Cmd
	orphans []int // sessions that live on without their listener
}

// startSSHD starts a server and stops it at the end of the test. The lines of
// extra go first into its sshd_config, where the first value counts.
func startSSHD(t testing.TB, extra ...string) *sshd {
	t.Helper()
	s := &sshd{t: t, dir: t.TempDir(), hostKey: newKeyPair(t), userKey: newKeyPair(t), extra: extra}
	if os.Getuid() == 0 {
		// The system makes it at boot, if its own sshd is started at all.
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	}
	s.writeFile("host_key", s.hostKey.private)
	s.writeFile("authorized_keys", []byte(s.userKey.public+"\n"))
	s.choosePort()
	s.start()
	t.Cleanup(s.close)
	return s
}

func (s *sshd) writeFile(name string, content []byte) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), content, 0o600))
}

func (s *sshd) writeConfig() {
	s.t.Helper()
	lines := append(append([]string{}, s.extra...),
		fmt.Sprintf("ListenAddress 127.0.0.1:%d", s.port),
		"HostKey "+s.dir+"/host_key",
		"AuthorizedKeysFile "+s.dir+"/authorized_keys",
		"PidFile none",
		"StrictModes no", // its files lie below a folder for temporary files
		"UsePAM no",
		"PasswordAuthentication no",
		"PermitRootLogin prohibit-password",
		"LogLevel INFO",
		// The login shell that starts sftp-server must not read what this
		// machine's user has in its startup files.
		"SetEnv HOME="+s.dir,
	)
	if !slices.ContainsFunc(s.extra, func(line string) bool { return strings.HasPrefix(line, "Subsystem ") }) {
		lines = append(lines, "Subsystem sftp "+sftpServerPath) // sshd allows no second one
	}
	if knowsPenalties() {
		// Tests that fail to log in must not keep the others out.
		lines = append(lines, "PerSourcePenalties no")
	}
	s.writeFile("sshd_config", []byte(strings.Join(lines, "\n")+"\n"))
}

// knowsPenalties reports whether sshd has PerSourcePenalties (OpenSSH 9.8).
var knowsPenalties = sync.OnceValue(func() bool {
	out, _ := exec.Command(sshdPath, "-t", "-f", "/dev/null", "-o", "PerSourcePenalties=no").CombinedOutput()
	return !strings.Contains(string(out), "Bad configuration option")
})

// choosePort finds a port below those that the kernel gives to clients. On one
// of those, a client that redials while the server is down may in the end be
// connected with itself.
func (s *sshd) choosePort() {
	s.t.Helper()
	for range 100 {
		s.port = 10_000 + rand.IntN(20_000)
		listener, err := net.Listen("tcp", s.addr())
		if err == nil {
			require.NoError(s.t, listener.Close())
			return
		}
	}
	require.Fail(s.t, "no free port")
}

func (s *sshd) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// start starts the listener, and waits until it greets.
func (s *sshd) start() {
	s.t.Helper()
	s.writeConfig()
	log, err := os.OpenFile(s.logPath(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	require.NoError(s.t, err)
	defer log.Close()
	s.daemon = exec.Command(sshdPath, "-D", "-e", "-f", filepath.Join(s.dir, "sshd_config"))
	s.daemon.Stderr = log
	require.NoError(s.t, s.daemon.Start())
	eventually(s.t, 30*time.Second, s.greets, "sshd on port %d:\n%s", s.port, tail{s.logPath()})
}

func (s *sshd) greets() bool {
	conn, err := net.DialTimeout("tcp", s.addr(), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	greeting := make([]byte, 4)
	_, err = conn.Read(greeting)
	return err == nil && string(greeting) == "SSH-"
}

// stopListening ends the listener. Sessions that there are go on.
func (s *sshd) stopListening() {
	s.t.Helper()
	if s.daemon == nil {
		return
	}
	s.orphans = append(s.orphans, descendants(s.daemon.Process.Pid)...)
	_ = s.daemon.Process.Kill()
	_ = s.daemon.Wait()
	s.daemon = nil
}

// stop ends the server with all its sessions, as a reboot does.
func (s *sshd) stop() {
	s.t.Helper()
	s.stopListening()
	for _, pid := range s.orphans {
		kill(pid, syscall.SIGKILL)
	}
	s.orphans = nil
}

// sessions are the processes that serve one connection each.
func (s *sshd) sessions() []int { return children(s.daemon.Process.Pid) }

// sftpServers are the processes that serve one SFTP channel each.
func (s *sshd) sftpServers() []int {
	var pids []int
	for _, pid := range descendants(s.daemon.Process.Pid) {
		if processName(pid) == filepath.Base(sftpServerPath) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill ends each of some processes of the server without warning, once there
// are any.
func (s *sshd) kill(find func() []int) {
	s.t.Helper()
	var pids []int
	eventually(s.t, 30*time.Second, func() bool { pids = find(); return len(pids) > 0 }, "a process of sshd to kill")
	for _, pid := range pids {
		kill(pid, syscall.SIGKILL)
	}
}

func (s *sshd) close() {
	s.stop()
	if s.t.Failed() {
		s.t.Logf("sshd said:\n%s", tail{s.logPath()})
	}
}

func (s *sshd) logPath() string { return filepath.Join(s.dir, "log") }

// timesSaid returns how often the server has logged words.
func (s *sshd) timesSaid(words string) int {
	s.t.Helper()
	log, err := os.ReadFile(s.logPath())
	require.NoError(s.t, err)
	return strings.Count(string(log), words)
}
