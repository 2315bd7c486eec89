package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A wayIn is a way to a server other than one SSH connection of the program's
// own.
type wayIn struct {
	name string
	// arrange returns the options that make the program take it, and what
	// breaks its line.
	arrange func(t *testing.T, s *sshd, c *client) (args []string, drop func())
}

var waysIn = []wayIn{
	{"jump host", func(t *testing.T, _ *sshd, c *client) ([]string, func()) {
		jump := addJumpHost(t, c)
		return []string{"-o", "ProxyJump=jump"}, func() { jump.kill(jump.sessions) }
	}},
	{"proxy command", func(t *testing.T, _ *sshd, c *client) ([]string, func()) {
		jump := addJumpHost(t, c)
		return []string{"-o", "ProxyCommand=ssh -F " + c.config + " -W %h:%p jump"}, func() { jump.kill(jump.sessions) }
	}},
	{"max_conns", func(t *testing.T, s *sshd, _ *client) ([]string, func()) {
		want := 3 // after a drop they are made again as they are needed
		return []string{"-o", "max_conns=3"}, func() {
			sessions := s.sessions()
			assert.GreaterOrEqual(t, len(sessions), want)
			want = 1
			kill(sessions[len(sessions)-1], syscall.SIGKILL)
		}
	}},
	{"ssh program", func(_ *testing.T, s *sshd, _ *client) ([]string, func()) {
		return []string{"-C"}, func() {
			assert.Len(s.t, s.sessions(), 1)
			s.kill(s.sessions)
		}
	}},
	{"program of one channel", func(t *testing.T, s *sshd, c *client) ([]string, func()) {
		c.writeFile(t, "wrapper", []byte("#!/bin/sh\n[ $1 != -V ] && exec ssh \"$@\"\n"))
		require.NoError(t, os.Chmod(c.path("wrapper"), 0o700))
		return []string{"-o", "ssh_command=" + c.path("wrapper")}, func() { s.kill(s.sessions) }
	}},
	{"directport", func(t *testing.T, _ *sshd, c *client) ([]string, func()) {
		server := startBareServer(t, func(conn net.Conn) {
			if server, err := sftp.NewServer(conn); err == nil {
				_ = server.Serve()
			}
		})
		c.replaceInConfig(t, "Host "+hostAlias, "Host unused")
		return []string{"-o", fmt.Sprintf("directport=%d,max_conns=2", server.port)}, server.cut
	}},
}

// addJumpHost starts a server with a key of its own, which c calls "jump".
func addJumpHost(t *testing.T, c *client) *sshd {
	t.Helper()
	jump := startSSHD(t)
	own := jump.client()
	config, err := os.ReadFile(own.config)
	require.NoError(t, err)
	c.replaceInConfig(t, "Host "+hostAlias, strings.Replace(string(config), hostAlias, "jump", 1)+"Host "+hostAlias)
	return jump
}

// bareServer speaks SFTP on TCP connections, without SSH.
type bareServer struct {
	port int

	mu    sync.Mutex
	conns []net.Conn
}

func startBareServer(t *testing.T, serve func(net.Conn)) *bareServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &bareServer{port: listener.Addr().(*net.TCPAddr).Port}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.cut()
		serving.Wait()
	})
	return s
}

// cut ends all connections.
func (s *bareServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
}

// Whatever the way, contents are whole in both directions, and files that are
// open live through a drop.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	for _, way := range waysIn {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t)
			c := s.client()
			args, drop := way.arrange(t, s, c)
			m := prepareMount(t, c, t.TempDir())
			m.expect(`level=WARN.*(?i)(connect|link|server|reopen)`)
			source := hostAlias + ":" + m.remote
			if way.name == "directport" {
				source = "127.0.0.1:" + m.remote
			}
			m.start(append(args, source, m.dir)...)

			content := string(randomBytes(8<<20, newRandom(t)))
			m.write("file", content)
			sameText(t, content, m.serverFile("file"), "written")
			m.writeOnServer("there", content)
			sameText(t, content, m.mountFile("there"), "read")

			held := hold(t, m.path("held"), os.O_RDWR|os.O_CREATE|os.O_APPEND)
			var want strings.Builder
			for round := range 3 {
				if round > 0 {
					drop()
				}
				line := fmt.Sprintf("line %d\n", round)
				want.WriteString(line)
				_, err := io.WriteString(held, line)
				require.NoError(t, err)
				require.NoError(t, held.Sync())
			}
			sameText(t, want.String(), m.serverFile("held"), "held open")
			require.NoError(t, held.Close())
			m.unmount()
		})
	}
}

// A server that is at the program's standard input and output needs no way.
func TestPassive(t *testing.T) {
	t.Parallel()
	c := &client{dir: t.TempDir(), config: "none"}
	m := prepareMount(t, c, t.TempDir())
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	server := exec.Command(sftpServerPath)
	server.Stdin, server.Stdout = theirs, theirs
	require.NoError(t, server.Start())
	require.NoError(t, theirs.Close())
	defer func() { _ = server.Wait() }()

	cmd := m.command("-o", "passive", ":"+m.remote, m.dir)
	cmd.Stdin, cmd.Stdout = ours, ours
	m.startCommand(cmd)
	require.NoError(t, ours.Close())
	m.write("file", "content")
	require.FileExists(t, filepath.Join(m.remote, "file"))
	m.unmount()
}
