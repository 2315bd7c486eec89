package sshdial

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// nativeWay reaches the server by this package's own SSH. It remembers what a
// redial needs: the host key that was accepted, keys that were decrypted, a
// password that the server took.
type nativeWay struct {
	cfg       Config
	subsystem string
	log       *slog.Logger
	via       *nativeWay // to the jump host; nil if there is none
	among     int        // how many connections there may be at once
	start     startDir

	// mu is held for the whole of a Dial: there is never a second one.
	mu       sync.Mutex
	prompter Prompter // nil after the first Dial
	dialled  bool
	memory   memory
}

// memory is what one connection leaves for the next.
type memory struct {
	hostKey  ssh.PublicKey                  // nil before the first connection
	unlocked map[string]ssh.AlgorithmSigner // decrypted keys, by path
	password password

	// asked says that the login took answers that cannot be given again
	// without the user, such as a one-time code.
	asked bool
}

// newNativeWay takes of opts Subsystem, MaxConns, Password, Prompter and Logger.
func newNativeWay(cfg Config, opts Options) *nativeWay {
	w := &nativeWay{
		cfg:       cfg,
		subsystem: opts.subsystem(),
		among:     opts.MaxConns,
		log:       opts.logger().With("host", cfg.Host),
		prompter:  cfg.prompter(opts),
		memory: memory{
			unlocked: map[string]ssh.AlgorithmSigner{},
			password: givenPassword(opts.Password),
		},
	}
	if cfg.ProxyCommand != "" || len(cfg.KnownHostsCommand) > 0 {
		w.start = openStartDir()
	}
	if cfg.Via != nil {
		w.via = newNativeWay(*cfg.Via, Options{Prompter: opts.Prompter, Logger: opts.Logger})
	}
	return w
}

// Dial implements [Way].
func (w *nativeWay) Dial(ctx context.Context) (Transport, error) {
	client, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// dial connects and logs in. It ends with ctx, and when the server is silent for
// longer than ConnectTimeout.
func (w *nativeWay) dial(ctx context.Context) (*Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.prompter, w.dialled = nil, true }()

	conn, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	client, err := w.handshake(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return client, nil
}

// connect makes the connection that SSH runs on.
func (w *nativeWay) connect(ctx context.Context) (net.Conn, error) {
	switch {
	case w.via != nil:
		return w.connectVia(ctx)
	case w.cfg.ProxyCommand != "":
		return w.startProxy()
	}
	tcp := &w.cfg.TCP
	conn, err := tcp.connect(ctx)
	if err == nil && w.among > 1 {
		// While others of a bundle are busy, nobody probes the one that is
		// silent.
		limitSilence(conn, tcp.patience())
	}
	return conn, err
}

// Close implements [Way]. It wipes the secrets.
func (w *nativeWay) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.memory.password.forget()
	clear(w.memory.unlocked)
	w.start.close()
	if w.via != nil {
		return w.via.Close()
	}
	return nil
}
