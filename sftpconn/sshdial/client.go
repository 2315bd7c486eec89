package sshdial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// errNoSubsystem says that the server has no SFTP subsystem.
var errNoSubsystem = errors.New("the server offers no such subsystem; " +
	"it may need \"Subsystem sftp internal-sftp\" in its sshd_config, or the path of an SFTP server given here")

// Client is an SSH connection that is logged in. It meets sftpconn.Transport.
type Client struct {
	ssh       *ssh.Client
	tcp       net.Conn
	subsystem string
	log       *slog.Logger

	done chan struct{}
	err  error // why the connection ended; set before done is closed

	mu     sync.Mutex // guards closed, so that nothing starts after it
	closed bool
	tasks  sync.WaitGroup
}

func newClient(conn *ssh.Client, tcp net.Conn, subsystem string, log *slog.Logger) *Client {
	c := &Client{ssh: conn, tcp: tcp, subsystem: subsystem, log: log, done: make(chan struct{})}
	c.start(func() {
		c.err = conn.Wait()
		close(c.done)
	})
	return c
}

// start runs task, which Close will wait for. It reports false after Close.
func (c *Client) start(task func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.tasks.Go(task)
	return true
}

// OpenChannel starts a session with the SFTP subsystem (RFC 4254, 6.5) and
// returns its data stream. A server that lets no further session begin answers
// with an [*ssh.OpenChannelError]; one that has no SFTP, with errNoSubsystem.
func (c *Client) OpenChannel(ctx context.Context) (io.ReadWriteCloser, error) {
	type result struct {
		channel ssh.Channel
		err     error
	}
	opened := make(chan result)
	started := c.start(func() {
		channel, err := c.open()
		select {
		case opened <- result{channel, err}:
		case <-ctx.Done():
			if err == nil {
				_ = channel.Close()
			}
		}
	})
	if !started {
		return nil, net.ErrClosed
	}
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		return r.channel, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open blocks until the server has answered or the connection has ended.
func (c *Client) open() (ssh.Channel, error) {
	channel, requests, err := c.ssh.OpenChannel("session", nil)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", c.hungUp(err))
	}
	// The session's own goroutine is counted here, where Close cannot have
	// finished waiting: open itself runs as a task.
	c.tasks.Go(func() { c.logRequests(requests) })
	c.tasks.Go(func() { c.logStderr(channel.Stderr()) })

	request := "subsystem"
	if isCommand(c.subsystem) {
		request = "exec"
	}
	ok, err := channel.SendRequest(request, true, ssh.Marshal(struct{ Name string }{c.subsystem}))
	if err == nil && !ok {
		err = errNoSubsystem
	}
	if err != nil {
		_ = channel.Close()
		return nil, fmt.Errorf("start %s %q: %w", request, c.subsystem, c.hungUp(err))
	}
	return channel, nil
}

// errHungUp says that the server took the login and nothing after it.
var errHungUp = errors.New("the server accepted the login and then closed the connection; " +
	"the account may not be allowed to use SFTP (its shell, ForceCommand or ChrootDirectory in sshd_config, a limit on logins): " +
	"see whether sftp(1) works, and what the server's log says")

// hungUp replaces an error that only tells that the connection has ended, if it was
// the server that ended it: the library words that as an unexpected packet.
func (c *Client) hungUp(err error) error {
	if is[*ssh.OpenChannelError](err) || errors.Is(err, errNoSubsystem) {
		return err
	}
	select {
	case <-c.done:
	case <-time.After(endPatience): // the session alone was closed
		return fmt.Errorf("the server closed the session before it began: %w", err)
	}
	switch {
	case errors.Is(c.err, net.ErrClosed): // by this side
		return c.err
	case c.err == nil, errors.Is(c.err, io.EOF), errors.Is(c.err, syscall.ECONNRESET):
		return errHungUp
	}
	return fmt.Errorf("%w: %w", errHungUp, c.err)
}

// logRequests answers what the server says of the session, which is how its
// SFTP server ended.
func (c *Client) logRequests(requests <-chan *ssh.Request) {
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var exit struct{ Status uint32 }
			if ssh.Unmarshal(r.Payload, &exit) == nil && exit.Status != 0 {
				c.log.Debug("the SFTP server ended", "status", exit.Status)
			}
		case "exit-signal":
			var exit struct {
				Signal string
				Rest   []byte `ssh:"rest"`
			}
			if ssh.Unmarshal(r.Payload, &exit) == nil {
				c.log.Warn("the SFTP server was killed", "signal", exit.Signal)
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// logStderr drains the session's standard error, which would fill its window.
func (c *Client) logStderr(stderr io.Reader) {
	said := saying{tell: func(line string) { c.log.Warn("the SFTP server says", "stderr", line) }}
	_, _ = io.Copy(&said, stderr)
	said.flush()
}

// Ping makes one round trip (keepalive@openssh.com). Any answer, even a
// refusal, shows that the peer is alive. It blocks while the peer is silent.
func (c *Client) Ping() error {
	_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
	return err
}

// ServerVersion returns the server's identification string (RFC 4253, 4.2),
// which is its own claim.
func (c *Client) ServerVersion() string { return string(c.ssh.ServerVersion()) }

// Algorithms returns what was agreed on with the server: ciphers, the exchange
// of keys and the kind of host key.
func (c *Client) Algorithms() ssh.NegotiatedAlgorithms {
	conn, ok := c.ssh.Conn.(ssh.AlgorithmsConnMetadata)
	if !ok {
		return ssh.NegotiatedAlgorithms{}
	}
	return conn.Algorithms()
}

// RemoteAddr returns the address that the connection leads to.
func (c *Client) RemoteAddr() net.Addr { return c.ssh.RemoteAddr() }

// Close ends the connection at once, without waiting for the peer; everything
// that is blocked in it returns. It is safe to call it again.
func (c *Client) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()

	// The TCP connection first: a write that is stuck in it holds the lock
	// that the SSH connection's own Close needs.
	discardUnsent(c.tcp)
	err := c.tcp.Close()
	_ = c.ssh.Close()
	c.tasks.Wait()
	if again {
		return nil
	}
	return err
}
