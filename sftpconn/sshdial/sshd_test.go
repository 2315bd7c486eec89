package sshdial

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const sshdPath = "/usr/sbin/sshd" // sshd wants to be started by its full path

// testContext returns a context that ends with the test, or well before the
// test run would.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// testServer is an OpenSSH server on a loopback port, with keys and a
// configuration of its own, and a client's folder beside it.
type testServer struct {
	t      *testing.T
	dir    string
	port   int
	daemon *exec.Cmd
}

// startSSHD starts a server that is stopped at the end of the test. It has an
// Ed25519 host key unless sshdConfig names others, which go first into its
// configuration, where the first value counts.
func startSSHD(t *testing.T, sshdConfig ...string) *testServer {
	t.Helper()
	if _, err := os.Stat(sshdPath); err != nil {
		t.Skip("no sshd is installed")
	}
	if os.Getuid() == 0 {
		// The system makes it at boot, if its own sshd is started at all.
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	}
	s := &testServer{t: t, dir: t.TempDir(), port: freePort(t)}
	config := strings.ReplaceAll(strings.Join(sshdConfig, "\n"), "DIR", s.dir)
	if !strings.Contains(config, "HostKey ") {
		s.keygen("host_ed25519", "ed25519")
		config += "\nHostKey " + s.dir + "/host_ed25519"
	}
	if !strings.Contains(config, "Subsystem") {
		config += "\nSubsystem sftp internal-sftp"
	}
	s.write("sshd_config", config+fmt.Sprintf(`
ListenAddress 127.0.0.1:%d
AuthorizedKeysFile %s/authorized_keys
PidFile none
StrictModes no
UsePAM no
KbdInteractiveAuthentication no
PasswordAuthentication no
PermitRootLogin prohibit-password
`, s.port, s.dir))
	return s
}

// run starts the daemon, after the test has made the keys that it needs.
func (s *testServer) run() *testServer {
	s.t.Helper()
	daemon := exec.Command(sshdPath, "-D", "-e", "-f", s.path("sshd_config"))
	var log strings.Builder
	daemon.Stderr = &log
	daemon.WaitDelay = testTimeout // its sessions hold it open
	require.NoError(s.t, daemon.Start())
	s.daemon = daemon
	s.t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
		if s.t.Failed() {
			s.t.Logf("sshd:\n%s", log.String())
		}
	})
	require.Eventually(s.t, s.greets, testTimeout, testTick)
	// What was to greet is no connection of the test's.
	require.Eventually(s.t, func() bool { return s.connections() == 0 }, testTimeout, testTick)
	return s
}

// greets reports whether the server takes connections.
func (s *testServer) greets() bool {
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		return false
	}
	defer conn.Close()
	greeting := make([]byte, 4)
	_, err = io.ReadFull(conn, greeting)
	return err == nil && string(greeting) == "SSH-"
}

// hangUp ends all connections.
func (s *testServer) hangUp() {
	s.t.Helper()
	pid := s.daemon.Process.Pid
	for child := range strings.FieldsSeq(readFile(s.t, fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))) {
		n, err := strconv.Atoi(child)
		require.NoError(s.t, err)
		require.NoError(s.t, syscall.Kill(n, syscall.SIGKILL))
	}
}

func (s *testServer) address() string         { return fmt.Sprintf("127.0.0.1:%d", s.port) }
func (s *testServer) path(name string) string { return filepath.Join(s.dir, name) }
func (s *testServer) read(name string) string { return readFile(s.t, s.path(name)) }

func (s *testServer) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o600))
}

// keygen makes a key pair with ssh-keygen; args come after its own.
func (s *testServer) keygen(name, keyType string, args ...string) string {
	s.t.Helper()
	if keyType == "rsa" {
		args = append([]string{"-b", "2048"}, args...) // quicker to make than the default
	}
	args = append([]string{"-q", "-t", keyType, "-f", s.path(name), "-C", name, "-N", "", "-a", "1"}, args...)
	command(s.t, "ssh-keygen", args...)
	return s.path(name)
}

// allow lets a user's key log in.
func (s *testServer) allow(name string) {
	s.t.Helper()
	old, _ := os.ReadFile(s.path("authorized_keys"))
	s.write("authorized_keys", string(old)+s.read(name+".pub"))
}

// know writes a known_hosts line: "NAME" stands for [127.0.0.1]:port.
func (s *testServer) know(line string, keyName string) {
	s.t.Helper()
	line = strings.ReplaceAll(line, "NAME", fmt.Sprintf("[127.0.0.1]:%d", s.port))
	old, _ := os.ReadFile(s.path("known_hosts"))
	s.write("known_hosts", string(old)+line+" "+s.read(keyName+".pub"))
}

// resolve returns the configuration for the host "box", which is this server;
// the lines of sshConfig come first.
func (s *testServer) resolve(sshConfig ...string) Config {
	s.t.Helper()
	local, err := user.Current()
	require.NoError(s.t, err)
	s.write("ssh_config", strings.ReplaceAll(strings.Join(sshConfig, "\n"), "DIR", s.dir)+fmt.Sprintf(`
Host box
HostName 127.0.0.1
Port %d
User %s
IdentityAgent none
IdentityFile %s/id
UserKnownHostsFile %s/known_hosts
GlobalKnownHostsFile none
ConnectTimeout 5
`, s.port, local.Username, s.dir, s.dir))
	cfg, err := Resolve(testContext(s.t), Options{Host: "box", ConfigFile: s.path("ssh_config")})
	require.NoError(s.t, err)
	return cfg
}

// dial logs in as sshConfig says, with nobody to ask.
func (s *testServer) dial(sshConfig ...string) error {
	s.t.Helper()
	_, err := dial(s.t, s.resolve(sshConfig...), Options{})
	return err
}

// dial logs in once, and closes the connection at the end of the test.
func dial(t *testing.T, cfg Config, opts Options) (*Client, error) {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = testLogger(t)
	}
	d := newNativeWay(cfg, opts)
	t.Cleanup(func() { _ = d.Close() })
	client, err := d.dial(testContext(t))
	if err == nil {
		t.Cleanup(func() { _ = client.Close() })
	}
	return client, err
}

// requireSFTP sees that the connection carries an SFTP session: INIT is
// answered with VERSION.
func requireSFTP(t *testing.T, client Transport) {
	t.Helper()
	channel, err := client.OpenChannel(testContext(t))
	require.NoError(t, err)
	_, err = channel.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3})
	require.NoError(t, err)
	answer := make([]byte, 5)
	_, err = channel.Read(answer)
	require.NoError(t, err)
	require.EqualValues(t, 2, answer[4], "SSH_FXP_VERSION")
	require.NoError(t, channel.Close())
}

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// freePort finds a port below those that the kernel gives to clients.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.Fail(t, "no free port")
	return 0
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(testContext(t), name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// thinker never answers: its questions end with their context.
type thinker struct{ asked chan struct{} }

func (p thinker) Prompt(ctx context.Context, _ string, _ bool) ([]byte, error) {
	close(p.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

// interrupter breaks every question off.
type interrupter struct{}

func (interrupter) Prompt(context.Context, string, bool) ([]byte, error) { return nil, ErrInterrupted }

// prompter answers questions in order, and fails the test when there are more.
type prompter struct {
	t       *testing.T
	answers []string
	asked   []string
}

func (p *prompter) Prompt(_ context.Context, question string, _ bool) ([]byte, error) {
	p.asked = append(p.asked, question)
	if len(p.asked) > len(p.answers) {
		p.t.Errorf("unexpected question %q", question)
		return nil, ErrNoPrompt
	}
	return []byte(p.answers[len(p.asked)-1]), nil
}

const (
	testTimeout = 10 * time.Second
	testTick    = 5 * time.Millisecond
)
