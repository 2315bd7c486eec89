package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"sftpmount/sftpconn/sftptest"
)

// report is what these tests look at of "sftpmount status --json".
type report struct {
	Mountpoint string
	Connection struct {
		State       string
		Number      int
		NextAttempt *time.Time `json:"next_attempt"`
		LastError   string     `json:"last_error"`
		Server      struct {
			User, Software, Cipher string
			Extensions             []string
			Channels               int
		}
	}
	Traffic struct {
		Total struct {
			ReadBytes    int `json:"read_bytes"`
			WrittenBytes int `json:"written_bytes"`
		}
	}
	Operations []struct {
		Name  string
		Count int
		P99   float64
	}
	Running []struct {
		Operation, Path string
		Age             float64
	}
	OpenFiles int `json:"open_files"`
	Unsent    struct {
		Bytes int
		Files []struct {
			Path  string
			Bytes int
		}
	}
}

// status asks the program how a mount is. Asking never hangs.
func (m *mount) status() report {
	m.t.Helper()
	var r report
	out := sftpmount(m.t, 0, "status", "--json", m.dir)
	require.NoError(m.t, json.Unmarshal([]byte(out), &r), out)
	return r
}

// sftpmount runs the program for another command than a mount, which must exit
// with a code, and returns what it says.
func sftpmount(t testing.TB, code int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, *program, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	require.Equal(t, code, cmd.ProcessState.ExitCode(), "%q: %v\n%s", args, err, out)
	return string(out)
}

func TestStatus(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "ServerAliveInterval=30") // a busy machine is no drop
	m.write("file", strings.Repeat("x", 100_000))
	m.mountFile("file")

	t.Run("up", func(t *testing.T) { reportWhileUp(t, m) })
	t.Run("private", func(t *testing.T) { socketIsPrivate(t, m) })
	t.Run("unsent", func(t *testing.T) { reportOfUnsentData(t, m) })
}

func reportWhileUp(t *testing.T, m *linkedMount) {
	r := m.status()
	assert.Equal(t, m.dir, r.Mountpoint)
	assert.Equal(t, "up", r.Connection.State)
	assert.Equal(t, 1, r.Connection.Number)
	assert.Equal(t, userName(t, os.Getuid()), r.Connection.Server.User)
	assert.Contains(t, r.Connection.Server.Software, "OpenSSH")
	assert.NotEmpty(t, r.Connection.Server.Cipher)
	assert.Contains(t, r.Connection.Server.Extensions, "posix-rename@openssh.com")
	assert.Positive(t, r.Connection.Server.Channels)
	assert.Equal(t, 100_000, r.Traffic.Total.WrittenBytes)
	assert.GreaterOrEqual(t, r.Traffic.Total.ReadBytes, 100_000)
	assert.NotEmpty(t, r.Operations)

	text := sftpmount(t, 0, "status", m.dir)
	assert.Regexp(t, `connection +up for `, text)
	assert.Regexp(t, `\n +write +1 `, text)
	for _, place := range []string{".", "file", m.path("no-such-file")} {
		assert.Contains(t, run(t, m.dir, *program, "status", place), m.dir, place)
	}
}

func socketIsPrivate(t *testing.T, m *linkedMount) {
	dir := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "sftpmount")
	for path, mode := range map[string]fs.FileMode{
		dir: fs.ModeDir | 0o700,
		filepath.Join(dir, strconv.Itoa(m.process.Pid)+".sock"): fs.ModeSocket | 0o600,
	} {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), path)
		assert.EqualValues(t, os.Getuid(), info.Sys().(*syscall.Stat_t).Uid)
	}
}

func reportOfUnsentData(t *testing.T, m *linkedMount) {
	writer := hold(t, m.path("unsent"), os.O_WRONLY|os.O_CREATE)
	m.link.Stall()
	_, err := writer.Write(make([]byte, 100_000))
	require.NoError(t, err)
	synced := make(chan error, 1)
	go func() { synced <- writer.Sync() }()
	eventually(t, 30*time.Second, func() bool { return len(m.status().Running) > 0 }, "a slow request")
	r := m.status()
	assert.Equal(t, 1, r.OpenFiles)
	assert.Equal(t, 100_000, r.Unsent.Bytes)
	require.Len(t, r.Unsent.Files, 1)
	assert.Equal(t, m.onServer("unsent"), r.Unsent.Files[0].Path)
	assert.Equal(t, "fsync", r.Running[0].Operation)
	assert.Equal(t, m.onServer("unsent"), r.Running[0].Path)
	assert.Greater(t, r.Running[0].Age, 1.0)
	text := sftpmount(t, 0, "status", m.dir)
	assert.Regexp(t, `98 KiB +`+m.onServer("unsent"), text)
	assert.Regexp(t, ` s +fsync `+m.onServer("unsent"), text)

	m.goDown()
	m.link.Resume()
	eventually(t, 30*time.Second, func() bool { return m.status().Connection.NextAttempt != nil }, "a pause between attempts")
	r = m.status()
	assert.Contains(t, []string{"waiting", "connecting"}, r.Connection.State)
	assert.Contains(t, r.Connection.LastError, "refused")
	assert.Contains(t, sftpmount(t, 0, "status", m.dir), "DOWN for ")

	m.comeBack()
	require.NoError(t, <-synced)
	r = m.status()
	assert.Equal(t, "up", r.Connection.State)
	assert.Equal(t, 2, r.Connection.Number)
	assert.NotEmpty(t, r.Connection.LastError, "why it was down stays known")
	assert.Zero(t, r.Unsent.Bytes)
}

// Without a mountpoint, all mounts of the user are told of.
func TestList(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	runtimeDir := ownRuntimeDir(t)
	ask := func(args ...string) string {
		return run(t, "/", append([]string{"env", runtimeDir, *program}, args...)...)
	}
	var mounts []*mount
	for range 2 {
		m := prepareMount(t, s.client(), t.TempDir())
		cmd := m.command(hostAlias+":"+m.remote, m.dir)
		cmd.Env = append(os.Environ(), runtimeDir)
		m.startCommand(cmd)
		mounts = append(mounts, m)
	}
	for _, m := range mounts {
		assert.Regexp(t, `(?m)^`+m.dir+` +`+hostAlias+`:`+m.remote+` +up for .*$`, ask("list"))
		assert.Contains(t, ask("status"), m.dir)
		assert.Contains(t, ask("status", "--json"), m.dir)
	}
	mounts[0].unmount()
	assert.NotContains(t, ask("list"), mounts[0].dir)
}

// ownRuntimeDir is a variable that gives programs a folder of their own for
// sockets. In that of all tests are mounts that do not answer on purpose, which
// is an error of commands that ask all mounts.
func ownRuntimeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "run") // short: a socket's path has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return "XDG_RUNTIME_DIR=" + dir
}

// The screen is drawn on a terminal, and q leaves it.
func TestWatch(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.write("file", "content")
	cmd, _ := tool(t, "/", "script", "-qec",
		fmt.Sprintf("stty rows 40 cols 90; TERM=xterm exec %s status --watch %s", *program, m.dir), os.DevNull)
	keys, err := cmd.StdinPipe()
	require.NoError(t, err)
	screen, err := os.Create(m.client.path("screen"))
	require.NoError(t, err)
	defer screen.Close()
	cmd.Stdout, cmd.Stderr = screen, screen
	shown := func() string {
		text, err := os.ReadFile(screen.Name())
		require.NoError(t, err)
		return string(text)
	}
	ended := start(t, cmd)
	eventually(t, 30*time.Second, func() bool { return strings.Contains(shown(), "q quits") }, "a screen")
	first := shown()
	for _, text := range []string{hostAlias + ":" + m.remote, "connection", "up for", "unsent", "░", "write"} {
		assert.Contains(t, first, text)
	}
	eventually(t, 30*time.Second, func() bool { return strings.Contains(shown(), "▁") }, "a second later, a spark line")
	_, err = io.WriteString(keys, "q")
	require.NoError(t, err)
	require.NoError(t, <-ended, shown())
	assert.Contains(t, sftpmount(t, 2, "status", "--watch", m.dir), "terminal")
}

func TestUnmountCommand(t *testing.T) {
	t.Parallel()
	t.Run("in use", func(t *testing.T) {
		t.Parallel()
		m := newMount(t)
		m.write("file", "content")
		inUse, _ := tool(t, m.dir, "sleep", "60")
		ended := start(t, inUse)
		eventually(t, 30*time.Second, func() bool {
			dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", inUse.Process.Pid))
			return dir == m.dir
		}, "a program on the mount")
		said := sftpmount(t, 1, "unmount", m.dir)
		assert.Contains(t, said, "in use")
		assert.Contains(t, said, "fuser -vm "+m.dir)
		assert.True(t, m.mounted())
		require.NoError(t, inUse.Process.Kill())
		<-ended
		assert.Contains(t, sftpmount(t, 3, "unmount", m.path("file")), "no mountpoint")
		assert.Empty(t, sftpmount(t, 0, "unmount", m.dir))
		m.waitForEnd(0)
		assert.Contains(t, sftpmount(t, 3, "unmount", m.dir), "sftpmount list")
	})
	for name, c := range map[string]struct {
		back    bool
		timeout int // seconds
		code    int
		says    string
	}{
		"link comes back":    {true, 60, 0, `still to be sent, the link is down`},
		"link does not come": {false, 4, 7, `is unmounted, but data did not reach the server: 100000 bytes of \S+/unsent`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newLinkedMount(t, "-o", fmt.Sprint("reconnect_timeout=", c.timeout))
			m.goDownWithUnsentData(t)
			if c.back {
				back := make(chan struct{})
				defer func() { <-back }()
				go func() {
					defer close(back)
					defer m.comeBack()
					eventually(t, 30*time.Second, func() bool { return !m.mounted() }, "the unmount")
					time.Sleep(2 * time.Second) // until it is told of
				}()
			} else {
				m.expect(`level=ERROR msg="written data was lost"`)
			}
			assert.Regexp(t, c.says, sftpmount(t, c.code, "unmount", m.dir))
			m.waitForEnd(c.code)
			if c.back {
				assert.Len(t, m.serverFile("unsent"), 100_000)
			}
		})
	}
}

// What the program was told in confidence is nowhere to be seen.
func TestStatusHasNoSecrets(t *testing.T) {
	t.Parallel()
	const password = "gr8-secret"
	server := sftptest.NewServer(t, sftptest.Options{Users: []sftptest.User{{Name: "ann", Password: password}}})
	host, port, _ := strings.Cut(server.Addr(), ":")
	m := prepareMount(t, &client{dir: t.TempDir(), config: "none"}, server.Dir())
	m.client.writeFile(t, "known_hosts", fmt.Appendf(nil, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(server.HostKey())))
	cmd := m.command("-o", "password_stdin,UserKnownHostsFile="+m.client.path("known_hosts")+",Port="+port,
		"ann@"+host+":"+m.remote, m.dir)
	runtimeDir := ownRuntimeDir(t)
	cmd.Env = append(os.Environ(), runtimeDir)
	cmd.Stdin = strings.NewReader(password + "\n")
	m.startCommand(cmd)
	m.write("file", "content")
	for _, args := range [][]string{{"status", m.dir}, {"status", "--json", m.dir}, {"list"}} {
		said := run(t, "/", append([]string{"env", runtimeDir, *program}, args...)...)
		assert.Contains(t, said, m.dir)
		assert.NotContains(t, said, password)
	}
	log, err := os.ReadFile(m.log)
	require.NoError(t, err)
	assert.NotContains(t, string(log), password)
}
