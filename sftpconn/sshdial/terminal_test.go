package sshdial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal as a user sees it.
type terminal struct {
	t     *testing.T
	user  *os.File // what the user types and sees
	name  string   // of the programs' side
	ended chan struct{}

	mu   sync.Mutex
	seen bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	conn, err := user.SyscallConn()
	require.NoError(t, err)
	term := &terminal{t: t, user: user, ended: make(chan struct{})}
	require.NoError(t, conn.Control(func(fd uintptr) {
		require.NoError(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		require.NoError(t, err)
		term.name = fmt.Sprintf("/dev/pts/%d", n)
	}))
	go term.watch()
	t.Cleanup(func() {
		_ = user.Close()
		<-term.ended
	})
	return term
}

// watch keeps what is shown.
func (p *terminal) watch() {
	defer close(p.ended)
	buf := make([]byte, 1024)
	for {
		n, err := p.user.Read(buf)
		p.mu.Lock()
		p.seen.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			if errors.Is(err, syscall.EIO) {
				time.Sleep(testTick) // no program has it open, now
				continue
			}
			return
		}
	}
}

func (p *terminal) shows() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.seen.String(), "\r\n", "\n")
}

// expect waits until the terminal shows text.
func (p *terminal) expect(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.shows(), text) }, testTimeout, testTick,
		"%q is not shown", text)
}

func (p *terminal) enter(text string) {
	p.t.Helper()
	_, err := p.user.WriteString(text)
	require.NoError(p.t, err)
}

// open opens the programs' side.
func (p *terminal) open() *os.File {
	p.t.Helper()
	tty, err := os.OpenFile(p.name, os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = tty.Close() })
	return tty
}

// echoes reports whether typed characters are shown.
func (p *terminal) echoes() bool {
	p.t.Helper()
	tty := p.open()
	defer func() { _ = tty.Close() }()
	conn, err := tty.SyscallConn()
	require.NoError(p.t, err)
	var on bool
	require.NoError(p.t, conn.Control(func(fd uintptr) {
		state, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		require.NoError(p.t, err)
		on = state.Lflag&unix.ECHO != 0
	}))
	return on
}

func TestAskOnTerminal(t *testing.T) {
	for _, echo := range []bool{true, false} {
		t.Run(fmt.Sprintf("echo %v", echo), func(t *testing.T) {
			term := newTerminal(t)
			tty := term.open()
			type result struct {
				answer []byte
				err    error
			}
			answered := make(chan result, 1)
			go func() {
				answer, err := askOn(testContext(t), tty, "Who? ", echo)
				answered <- result{answer, err}
			}()
			term.expect("Who? ")
			require.Equal(t, echo, term.echoes())
			term.enter("me\nrest")
			r := <-answered
			require.NoError(t, r.err)
			require.Equal(t, "me", string(r.answer))
			if echo {
				term.expect("me")
			} else {
				term.expect("\n")
				require.NotContains(t, term.shows(), "me")
			}
			require.True(t, term.echoes())
		})
	}
}

func TestQuestionEndsWithItsContext(t *testing.T) {
	term := newTerminal(t)
	tty := term.open()
	ctx, cancel := context.WithCancel(testContext(t))
	ended := make(chan error, 1)
	go func() {
		_, err := askOn(ctx, tty, "Who? ", false)
		ended <- err
	}()
	term.expect("Who? ")
	require.False(t, term.echoes())
	cancel()
	require.Error(t, <-ended)
	require.True(t, term.echoes())
}

const childVariable = "SSHDIAL_TEST_CONFIG"

// TestMain is also the program that TestDialOnTerminal starts, and the one that
// ssh asks by.
func TestMain(m *testing.M) {
	if code, was := HandOnQuestion(os.Args[1:]); was {
		os.Exit(code)
	}
	if path := os.Getenv(childVariable); path != "" {
		os.Exit(dialOnTerminal(path))
	}
	os.Exit(m.Run())
}

func dialOnTerminal(configFile string) int {
	opts := Options{Host: "box", ConfigFile: configFile, Prompter: Terminal{}}
	cfg, err := Resolve(context.Background(), opts)
	if err == nil {
		var client *Client
		if client, err = newNativeWay(cfg, opts).dial(context.Background()); err == nil {
			fmt.Println("connected")
			_ = client.Close()
			return 0
		}
	}
	fmt.Println("failed:", err)
	return 1
}

// startOnTerminal starts this program again with term as its controlling
// terminal.
func startOnTerminal(t *testing.T, term *terminal, s *testServer) *exec.Cmd {
	t.Helper()
	s.resolve()
	tty := term.open()
	child := exec.CommandContext(testContext(t), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+s.path("ssh_config"), "SSH_ASKPASS_REQUIRE=never")
	child.Stdin, child.Stdout, child.Stderr = tty, tty, tty
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	return child
}

func TestDialOnTerminal(t *testing.T) {
	s := startSSHD(t).run()
	s.keygen("id", "ed25519", "-N", "open sesame")
	s.allow("id")
	term := newTerminal(t)
	child := startOnTerminal(t, term, s)
	term.expect("key fingerprint is SHA256:")
	term.expect("Are you sure you want to continue connecting (yes/no/[fingerprint])? ")
	term.enter("yes\n")
	term.expect("Enter passphrase for key '" + s.path("id") + "': ")
	require.False(t, term.echoes())
	term.enter("open sesame\n")
	term.expect("connected")
	require.NoError(t, child.Wait())
	require.True(t, term.echoes())
	require.NotContains(t, term.shows(), "sesame")
	require.Contains(t, s.read("known_hosts"), "127.0.0.1")
}

func TestInterruptOnTerminal(t *testing.T) {
	s := newUnknownServer(t).run()
	s.know("NAME", "host_ed25519")
	s.keygen("locked", "ed25519", "-N", "open sesame")
	s.allow("locked")
	require.NoError(t, os.Rename(s.path("locked"), s.path("id")))
	require.NoError(t, os.Rename(s.path("locked.pub"), s.path("id.pub")))
	term := newTerminal(t)
	child := startOnTerminal(t, term, s)
	term.expect("Enter passphrase")
	require.False(t, term.echoes())
	term.enter("\x03")
	term.expect("failed: interrupted")
	require.Error(t, child.Wait())
	require.True(t, term.echoes())
}

func TestNoTerminal(t *testing.T) {
	t.Setenv("SSH_ASKPASS_REQUIRE", "never")
	s := newUnknownServer(t).run()
	s.resolve()
	child := exec.CommandContext(testContext(t), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+s.path("ssh_config"))
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := child.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "there is no terminal to ask on")
}
