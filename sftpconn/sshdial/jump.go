package sshdial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// place is where a host is and who logs in there.
type place struct{ user, address string }

func (c *Config) place() place { return place{c.User, c.address()} }

// resolveJump finds the configuration of the last host of jumps, a value of
// ProxyJump; nil if there is none. targets are the hosts that are reached
// through it.
//
// As with ssh -J, each hop has its own settings in ssh_config, and of the
// command line it takes the configuration file alone.
func resolveJump(ctx context.Context, opts Options, jumps string, targets []place) (*Config, error) {
	if jumps == "" || strings.EqualFold(jumps, "none") {
		return nil, nil
	}
	last := strings.LastIndexByte(jumps, ',')
	hop, err := parseJump(jumps[last+1:])
	if err != nil {
		return nil, fmt.Errorf("ssh_config: ProxyJump %s: %w", jumps, err)
	}
	hop.ConfigFile, hop.Transport = opts.ConfigFile, TransportNative
	if last >= 0 {
		hop.Overrides = []string{"ProxyJump=" + jumps[:last]}
	}
	cfg, err := resolve(ctx, hop, targets)
	if err != nil {
		return nil, fmt.Errorf("jump host %s: %w", hop.Host, err)
	}
	return &cfg, nil
}

// parseJump reads [user@]host[:port] or ssh://[user@]host[:port], with brackets
// around an address.
func parseJump(text string) (Options, error) {
	text = strings.TrimSpace(text)
	if address, ok := strings.CutPrefix(text, "ssh://"); ok {
		text = strings.TrimSuffix(address, "/")
	}
	at := strings.LastIndexByte(text, '@')
	hop := Options{Host: text[at+1:], User: text[:max(at, 0)]}
	if host, port, err := net.SplitHostPort(hop.Host); err == nil {
		hop.Host = host
		if hop.Port, err = strconv.Atoi(port); err != nil || hop.Port == 0 {
			return Options{}, fmt.Errorf("port %q: ports go from 1 to 65535", port)
		}
	}
	hop.Host = strings.Trim(hop.Host, "[]")
	if hop.Host == "" || strings.Contains(hop.Host, "/") {
		return Options{}, errors.New("should be [user@]host[:port], with commas between several")
	}
	return hop, nil
}

// jumpConn is a connection through a jump host, which it owns the connection to.
type jumpConn struct {
	net.Conn
	hop    *Client
	remote namedAddr
}

// connectVia logs in to the jump host and lets it connect to the server (RFC
// 4254, 7.2).
func (w *nativeWay) connectVia(ctx context.Context) (net.Conn, error) {
	hop, err := w.via.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("jump host %s: %w", w.via.cfg.Host, err)
	}
	inTime, cancel := context.WithTimeout(ctx, w.cfg.ConnectTimeout)
	defer cancel()
	conn, err := hop.ssh.DialContext(inTime, "tcp", w.cfg.address())
	if err == nil {
		return &jumpConn{conn, hop, namedAddr(w.cfg.address())}, nil
	}
	_ = hop.Close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	err = fmt.Errorf("jump host %s does not connect to %s: %w", w.via.cfg.Host, w.cfg.address(), err)
	if refused, ok := errors.AsType[*ssh.OpenChannelError](err); ok && refused.Reason == ssh.Prohibited {
		return nil, permanent(fmt.Errorf("%w; its sshd_config may forbid it (AllowTcpForwarding, PermitOpen)", err))
	}
	return nil, err
}

// Close ends the connection to the jump host first: a write that is stuck in
// that would hold up everything else.
func (c *jumpConn) Close() error {
	err := c.hop.Close()
	_ = c.Conn.Close()
	return err
}

// RemoteAddr names the server, whose address only the jump host knows.
func (c *jumpConn) RemoteAddr() net.Addr { return c.remote }

// namedAddr is host:port.
type namedAddr string

func (a namedAddr) Network() string { return "tcp" }
func (a namedAddr) String() string  { return string(a) }
