package sshdial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Dialer makes connections to one server, one after the other. It remembers
// what a redial needs: the host key that was accepted, keys that were
// decrypted, a password that the server took.
type Dialer struct {
	cfg       Config
	subsystem string
	log       *slog.Logger

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
// Subsystem, Password, Prompter and Logger.
func NewDialer(cfg Config, opts Options) *Dialer {
	d := &Dialer{
		cfg:       cfg,
		subsystem: opts.Subsystem,
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

	tcp, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	client, err := d.handshake(ctx, tcp)
	if err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return client, nil
}

// Close waits for a Dial that is under way, and wipes the secrets that the
// Dialer holds. Clients live on.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory.password.forget()
	clear(d.memory.unlocked)
	return nil
}

// address is the TCP address of the server.
func (d *Dialer) address() string {
	return net.JoinHostPort(d.cfg.HostName, strconv.Itoa(d.cfg.Port))
}

// connect makes the TCP connection. Go sets TCP_NODELAY by itself.
func (d *Dialer) connect(ctx context.Context) (net.Conn, error) {
	network := map[string]string{"inet": "tcp4", "inet6": "tcp6"}[d.cfg.AddressFamily]
	if network == "" {
		network = "tcp"
	}
	dialer := net.Dialer{
		Timeout: d.cfg.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4,
		},
	}
	if d.cfg.BindAddress != "" {
		local, err := net.ResolveTCPAddr(network, net.JoinHostPort(d.cfg.BindAddress, "0"))
		if err != nil {
			return nil, fmt.Errorf("BindAddress %s: %w", d.cfg.BindAddress, err)
		}
		dialer.LocalAddr = local
	}
	conn, err := dialer.DialContext(ctx, network, d.address())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the rest of it says the address again
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", d.address(), err)
	}
	return conn, nil
}
