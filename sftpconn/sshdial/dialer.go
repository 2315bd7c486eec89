package sshdial

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Dialer makes connections to one server, one after the other. It remembers
// what a redial needs: the host key that was accepted, keys that were
// decrypted, a password that the server took.
type Dialer struct {
	cfg       Config
	subsystem string
	log       *slog.Logger
	via       *Dialer // to the jump host; nil if there is none
	among     int     // how many connections there may be at once
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

// NewDialer makes a Dialer for the server that cfg describes. Of opts it takes
// Subsystem, MaxConns, Password, Prompter and Logger.
func NewDialer(cfg Config, opts Options) *Dialer {
	d := &Dialer{
		cfg:       cfg,
		subsystem: opts.Subsystem,
		among:     opts.MaxConns,
		log:       opts.logger().With("host", cfg.Host),
		prompter:  opts.Prompter,
		memory: memory{
			unlocked: map[string]ssh.AlgorithmSigner{},
			password: givenPassword(opts.Password),
		},
	}
	if d.subsystem == "" {
		d.subsystem = "sftp"
	}
	if cfg.BatchMode {
		d.prompter = nil
	}
	if cfg.ProxyCommand != "" || len(cfg.KnownHostsCommand) > 0 {
		d.start = openStartDir()
	}
	if cfg.Via != nil {
		d.via = NewDialer(*cfg.Via, Options{Prompter: opts.Prompter, Logger: opts.Logger})
	}
	return d
}

// Dial connects and logs in. Only the first call may ask the user anything; see
// the package comment. It ends with ctx, and when the server is silent for
// longer than ConnectTimeout. [IsPermanent] tells whether an error will pass;
// where it matters why, look for a [*HostKeyError], an [*AuthError] or an
// [*ssh.AlgorithmNegotiationError].
func (d *Dialer) Dial(ctx context.Context) (*Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() { d.prompter, d.dialled = nil, true }()

	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	client, err := d.handshake(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return client, nil
}

// connect makes the connection that SSH runs on.
func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	switch {
	case d.via != nil:
		return d.connectVia(ctx)
	case d.cfg.ProxyCommand != "":
		return d.startProxy()
	}
	conn, err := connectTCP(ctx, &d.cfg)
	if err == nil && d.among > 1 {
		// While others of a bundle are busy, nobody probes the one that is
		// silent.
		limitSilence(conn, d.cfg.patience())
	}
	return conn, err
}

// Close waits for a Dial that is under way, and wipes the secrets that the
// Dialer holds. Clients live on.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory.password.forget()
	clear(d.memory.unlocked)
	d.start.close()
	if d.via != nil {
		return d.via.Close()
	}
	return nil
}
