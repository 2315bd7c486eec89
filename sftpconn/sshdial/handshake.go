package sshdial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// minAuthTimeout is the least time that a server has to answer to a login: it
// may have to ask a directory, and slows down after a wrong password.
const minAuthTimeout = 30 * time.Second

// maxSaid bounds what is logged of the server's messages, in bytes: once before it is
// offered something, and once after that.
const maxSaid = 64 << 10

// handshake turns one TCP connection into an SSH connection.
type handshake struct {
	cfg    Config
	log    *slog.Logger
	conn   *watchedConn
	dog    *watchdog
	memory *memory
	start  startDir

	prompter Prompter // nil if the user must not be asked
	redial   bool     // this is not the way's first connection

	said string // by the server since it was offered something
}

// handshake does the key exchange and logs in.
func (w *nativeWay) handshake(ctx context.Context, tcp net.Conn) (*Client, error) {
	h := &handshake{
		cfg: w.cfg, log: w.log, conn: &watchedConn{Conn: tcp}, memory: &w.memory, start: w.start,
		prompter: w.prompter, redial: w.dialled,
		dog: newWatchdog(w.cfg.ConnectTimeout, func() { _ = tcp.Close() }),
	}
	defer h.dog.stop()

	check, err := newHostKeyCheck(ctx, h)
	if err != nil {
		return nil, permanent(err)
	}
	login := newLogin(ctx, h)
	defer login.close()
	config := &ssh.ClientConfig{
		Config: ssh.Config{
			Ciphers: w.cfg.Ciphers, KeyExchanges: w.cfg.KexAlgorithms, MACs: w.cfg.MACs,
			RekeyThreshold: w.cfg.RekeyLimit,
		},
		User:              w.cfg.User,
		HostKeyAlgorithms: check.algorithms(),
		HostKeyCallback:   check.callback,
		BannerCallback:    h.banner,
		AuthCallback:      login.next,
	}

	// The library knows no context: closing the connection ends it.
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	sshConn, channels, requests, err := ssh.NewClientConn(h.conn, check.address, config)
	barked := h.dog.stop()
	if !stop() {
		err = ctx.Err()
	} else if barked {
		err = errSilent
	}
	if err != nil {
		if sshConn != nil {
			_ = sshConn.Close()
		}
		return nil, h.explain(ctx, err, check.failure, login)
	}
	login.settle(true)
	for _, id := range login.ignored { // had the login failed, its error would say so
		w.log.Warn("private key is ignored", "key", id.path, "err", id.reason)
	}
	h.memory.hostKey = check.accepted
	w.log.Debug("connected", "server", string(sshConn.ServerVersion()))
	return newClient(ssh.NewClient(sshConn, channels, requests), tcp, w.subsystem, w.log), nil
}

// explain finds out why the handshake failed and whether it would again.
func (h *handshake) explain(ctx context.Context, err, hostKeyErr error, login *login) error {
	var noCommon *ssh.AlgorithmNegotiationError
	address := h.conn.RemoteAddr()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case hostKeyErr != nil:
		return permanent(hostKeyErr)
	case saysExpired(login.passwordSent(), h.said, err.Error()):
		return permanent(fmt.Errorf("login as %s at %s: %w (%s)", h.cfg.User, h.cfg.HostName, errExpired, printable(h.said)))
	case login.failure != nil:
		return permanent(login.failure)
	case errors.As(err, &noCommon):
		return permanent(fmt.Errorf("%s (%s): %w", h.cfg.HostName, address, noCommon))
	case errors.Is(err, errSilent):
		return fmt.Errorf("%s (%s) accepted the connection but does not answer: %w", h.cfg.HostName, address, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s (%s) closed the connection before the login was complete: %w", h.cfg.HostName, address, err)
	case login.refused && h.conn.failure() == nil:
		// The connection works: it was the server that ended the login,
		// such as after too many keys.
		return permanent(fmt.Errorf("login as %s at %s: %w: %w%s", h.cfg.User, h.cfg.HostName, errEndedLogin, err, login.hint()))
	}
	return fmt.Errorf("%s (%s): %w", h.cfg.HostName, address, err)
}

// errSilent says that the server did not answer in time.
var errSilent = errors.New("timed out (ConnectTimeout)")

// ask asks the user while the watchdog sleeps. It returns ErrNoPrompt if the
// user must not be asked.
func (h *handshake) ask(ctx context.Context, question string, echo bool) ([]byte, error) {
	if h.prompter == nil {
		return nil, ErrNoPrompt
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	h.dog.pause()
	defer h.dog.resume()
	answer, err := h.prompter.Prompt(ctx, question, echo)
	if ctx.Err() != nil {
		wipe(answer)
		return nil, ctx.Err()
	}
	return answer, err
}

// banner passes on what the server says before the login is complete (RFC 4252, 5.4).
func (h *handshake) banner(message string) error {
	message = message[:min(len(message), maxSaid-len(h.said))]
	if message != "" {
		h.log.Info("message from the server", "banner", printable(message))
		h.said += message
	}
	return nil
}

// watchedConn remembers the first error of the connection under it, to tell a
// broken connection from a server that said no.
type watchedConn struct {
	net.Conn
	err atomic.Pointer[error]
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.note(err)
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.note(err)
	return n, err
}

func (c *watchedConn) note(err error) {
	if err != nil {
		c.err.CompareAndSwap(nil, &err)
	}
}

func (c *watchedConn) failure() error {
	if err := c.err.Load(); err != nil {
		return *err
	}
	return nil
}
