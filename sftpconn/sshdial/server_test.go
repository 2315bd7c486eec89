package sshdial

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// startServer runs an SSH server in this process, for logins that an sshd
// without PAM cannot offer, and returns the configuration that reaches it. Its
// channels echo.
func startServer(t *testing.T, config *ssh.ServerConfig) Config {
	t.Helper()
	return startServerWith(t, config, func(c ssh.NewChannel) {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		go func() { _, _ = io.Copy(channel, channel) }()
	})
}

// startServerWith is startServer with another way to take channels.
func startServerWith(t *testing.T, config *ssh.ServerConfig, accept func(ssh.NewChannel)) Config {
	t.Helper()
	config.AddHostKey(newSigner(t))
	return serve(t, func(conn net.Conn) {
		server, channels, requests, err := ssh.NewServerConn(conn, config)
		if err != nil {
			return
		}
		defer func() { _ = server.Close() }()
		go ssh.DiscardRequests(requests)
		for c := range channels {
			accept(c)
		}
	})
}

func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return signer
}

// serve accepts connections until the end of the test, and then waits for their
// handlers.
func serve(t *testing.T, handle func(net.Conn)) Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var handlers sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	handlers.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			handlers.Go(func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		handlers.Wait()
	})

	cfg, err := Resolve(testContext(t), Options{
		Host: "127.0.0.1", User: "me", Port: listener.Addr().(*net.TCPAddr).Port, ConfigFile: "none",
	})
	require.NoError(t, err)
	cfg.StrictHostKeyChecking = "accept-new"
	cfg.UserKnownHostsFile = []string{filepath.Join(t.TempDir(), "known_hosts")}
	cfg.GlobalKnownHostsFile = nil
	cfg.IdentityFile, cfg.IdentityAgent = nil, ""
	cfg.ConnectTimeout = 5 * time.Second
	return cfg
}

var errRefused = errors.New("refused")

// passwordServer takes one password and counts what it was sent.
type passwordServer struct {
	password string

	mu   sync.Mutex
	seen []string
}

func (p *passwordServer) check(password string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, password)
	if password != p.password {
		return errRefused
	}
	return nil
}

func (p *passwordServer) tries() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// config offers the password method.
func (p *passwordServer) config() *ssh.ServerConfig {
	return &ssh.ServerConfig{
		MaxAuthTries: 20,
		PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return nil, p.check(string(password))
		},
	}
}

// interactive offers keyboard-interactive, with the question for the password
// first and then, if code is not "", one for that.
func (p *passwordServer) interactive(code string) *ssh.ServerConfig {
	return &ssh.ServerConfig{
		MaxAuthTries: 20,
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err == nil {
				err = p.check(answers[0])
			}
			if err == nil && code != "" {
				answers, err = ask("Second \x1b[2Jstep", "Look at your token", []string{"Code: "}, []bool{true})
				if err == nil && answers[0] != code {
					err = errRefused
				}
			}
			return nil, err
		},
	}
}
