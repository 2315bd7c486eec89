package sshdial

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

func newKnownServer(t *testing.T, sshdConfig ...string) *testServer {
	t.Helper()
	s := newUnknownServer(t, sshdConfig...)
	s.know("NAME", "host_ed25519")
	return s.run()
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "Ciphers aes256-ctr")
	client, err := dial(t, s.resolve(), Options{})
	require.NoError(t, err)
	agreed := client.Algorithms()
	require.Equal(t, "aes256-ctr", agreed.Read.Cipher)
	require.Equal(t, "aes256-ctr", agreed.Write.Cipher)
	require.Equal(t, "ssh-ed25519", agreed.HostKey)
	require.NotEmpty(t, agreed.KeyExchange)
	require.Contains(t, client.RemoteAddr().String(), "127.0.0.1:")
}

func TestMaxSessions(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "MaxSessions 1")
	client, err := dial(t, s.resolve(), Options{})
	require.NoError(t, err)
	first, err := client.OpenChannel(testContext(t))
	require.NoError(t, err)
	_, err = client.OpenChannel(testContext(t))
	var refused *ssh.OpenChannelError
	require.ErrorAs(t, err, &refused)
	require.NoError(t, first.Close())
}

func TestNoSubsystem(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "#Subsystem")
	client, err := dial(t, s.resolve(), Options{})
	require.NoError(t, err)
	_, err = client.OpenChannel(testContext(t))
	require.ErrorIs(t, err, errNoSubsystem)
	require.ErrorContains(t, err, `"sftp"`)
}

func TestServerByPath(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "#Subsystem")
	client, err := dial(t, s.resolve(), Options{Subsystem: "/usr/lib/openssh/sftp-server"})
	require.NoError(t, err)
	requireSFTP(t, client)
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t)
	client, err := dial(t, s.resolve(), Options{})
	require.NoError(t, err)
	channel, err := client.OpenChannel(testContext(t))
	require.NoError(t, err)
	read := make(chan error)
	go func() {
		_, err := channel.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, client.Close())
	require.Error(t, <-read)
	<-client.done
	require.Error(t, client.err)
	require.NoError(t, client.Close())
	require.Error(t, client.Ping())
	_, err = client.OpenChannel(testContext(t))
	require.Error(t, err)
}

func TestServerThatGoesAway(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var conns []net.Conn
	s := newKnownServer(t)
	cfg := s.resolve()
	cfg.HostKeyAlias, cfg.StrictHostKeyChecking = "proxied", "accept-new"
	cfg.Port = serve(t, func(conn net.Conn) {
		server, err := net.Dial("tcp", s.address())
		if err != nil {
			return
		}
		mu.Lock()
		conns = append(conns, conn, server)
		mu.Unlock()
		go func() { _, _ = io.Copy(server, conn) }()
		_, _ = io.Copy(conn, server)
	}).Port
	client, err := dial(t, cfg, Options{})
	require.NoError(t, err)
	mu.Lock()
	for _, c := range conns {
		_ = c.Close()
	}
	mu.Unlock()
	select {
	case <-client.done:
	case <-testContext(t).Done():
		t.Fatal("the end was not noticed")
	}
	require.Error(t, client.Ping())
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t)
	err := s.dial()
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, s.address())
	require.False(t, IsPermanent(err))
}

func TestUnknownHostName(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t)
	err := s.dial("HostName nowhere.invalid")
	var dns *net.DNSError
	require.ErrorAs(t, err, &dns)
	require.False(t, IsPermanent(err))
}

// silent accepts connections, says what is given, and then nothing.
func silent(t *testing.T, greeting string) Config {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, greeting)
		_, _ = io.Copy(io.Discard, conn)
	})
}

func TestSilentServer(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"no greeting": "", "no key exchange": "SSH-2.0-silent\r\n"} {
		t.Run(name, func(t *testing.T) {
			cfg := silent(t, greeting)
			cfg.ConnectTimeout = 100 * time.Millisecond
			_, err := dial(t, cfg, Options{})
			require.ErrorContains(t, err, "does not answer")
			require.ErrorContains(t, err, "ConnectTimeout")
			require.False(t, IsPermanent(err))

			cfg.ConnectTimeout = time.Hour
			ctx, cancel := context.WithTimeout(testContext(t), 100*time.Millisecond)
			defer cancel()
			_, err = newNativeWay(cfg, Options{}).Dial(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

func TestServerThatHangsUp(t *testing.T) {
	t.Parallel()
	cfg := serve(t, func(conn net.Conn) { _, _ = io.ReadFull(conn, make([]byte, 4)) })
	_, err := dial(t, cfg, Options{})
	require.Error(t, err)
	t.Log(err)
	require.False(t, IsPermanent(err))
}

func TestQuestionsEndWithTheDial(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run() // asks for its host key
	server := &passwordServer{password: "right"}
	for name, cfg := range map[string]Config{
		"host key":             s.resolve(),
		"password":             startServer(t, server.config()),
		"keyboard-interactive": startServer(t, server.interactive("")),
	} {
		t.Run(name, func(t *testing.T) {
			p := thinker{make(chan struct{})}
			ctx, cancel := context.WithCancel(testContext(t))
			go func() {
				<-p.asked
				cancel()
			}()
			_, err := newNativeWay(cfg, Options{Prompter: p}).Dial(ctx)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestNoCommonAlgorithm(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "Ciphers aes256-ctr")
	err := s.dial("Ciphers aes128-gcm@openssh.com")
	var none *ssh.AlgorithmNegotiationError
	require.ErrorAs(t, err, &none)
	require.True(t, IsPermanent(err))
	require.ErrorContains(t, err, "aes256-ctr")
	require.ErrorContains(t, err, "aes128-gcm@openssh.com")
}

// TestOpenChannelEndsWithItsContext has a server that never answers.
func TestOpenChannelEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := &passwordServer{password: "right"}
	block := make(chan struct{})
	config := server.config()
	cfg := startServerWith(t, config, func(ssh.NewChannel) { <-block })
	client, err := dial(t, cfg, Options{Password: []byte("right")})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	_, err = client.OpenChannel(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, client.Close())
	close(block)
}

// A server that takes the login and then hangs up is told of in plain words,
// whenever it does that.
func TestServerThatHangsUpAfterTheLogin(t *testing.T) {
	t.Parallel()
	for name, hangUp := range map[string]func(*ssh.ServerConn, <-chan ssh.NewChannel){
		"at once":        func(*ssh.ServerConn, <-chan ssh.NewChannel) {},
		"at the session": func(_ *ssh.ServerConn, channels <-chan ssh.NewChannel) { <-channels },
		"at the subsystem": func(_ *ssh.ServerConn, channels <-chan ssh.NewChannel) {
			if _, requests, err := (<-channels).Accept(); err == nil {
				<-requests
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := &ssh.ServerConfig{NoClientAuth: true}
			config.AddHostKey(newSigner(t))
			cfg := serve(t, func(conn net.Conn) {
				server, channels, requests, err := ssh.NewServerConn(conn, config)
				if err != nil {
					return
				}
				go ssh.DiscardRequests(requests)
				hangUp(server, channels)
				_ = server.Close()
			})
			client, err := dial(t, cfg, Options{})
			require.NoError(t, err)
			_, err = client.OpenChannel(testContext(t))
			require.ErrorIs(t, err, errHungUp)
			require.NotContains(t, err.Error(), "<nil>")
		})
	}
}

// What a server says on standard error is logged, but does not fill the log.
func TestServerThatTalks(t *testing.T) {
	t.Parallel()
	config := &ssh.ServerConfig{NoClientAuth: true}
	cfg := startServerWith(t, config, func(c ssh.NewChannel) {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		_ = (<-requests).Reply(true, nil)
		_, _ = io.WriteString(channel.Stderr(), "out of \x1b[31mroom\n"+strings.Repeat("again\n", 100_000))
		_ = channel.Close()
	})
	var log bytes.Buffer
	client, err := dial(t, cfg, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	channel, err := client.OpenChannel(testContext(t))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, channel)
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.Contains(t, log.String(), `stderr="out of ?[31mroom"`)
	require.Equal(t, maxLines, strings.Count(log.String(), "the SFTP server says"))
	require.Contains(t, log.String(), "not logged")
}
