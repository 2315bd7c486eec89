package sshdial

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Transports that Options.Transport names.
const (
	TransportNative = "native" // this package's own SSH
	TransportSSH    = "ssh"    // the ssh program
)

// programOnly are the settings that the ssh program alone can honour.
var programOnly = []struct {
	keyword, name string
	wanted        func(value string) bool
}{
	{"compression", "Compression", isYes},
	{"proxyusefdpass", "ProxyUseFdpass", isYes},
	{"hostbasedauthentication", "HostbasedAuthentication", isYes},
	{"pkcs11provider", "PKCS11Provider", isNamed},
}

func isYes(value string) bool   { return strings.EqualFold(value, "yes") }
func isNamed(value string) bool { return value != "" && !strings.EqualFold(value, "none") }

// namesProgram reports whether the user asks for an ssh program.
func (o Options) namesProgram() bool { return len(o.Command) > 0 || o.Transport == TransportSSH }

// findProgram decides whether an ssh program is to be the transport: where the
// user says so, or where a setting needs it and OpenSSH is installed.
func (c *Config) findProgram(ctx context.Context, opts Options, set settings) {
	command := "ssh"
	if len(opts.Command) > 0 {
		command = opts.Command[0]
	}
	switch {
	case len(opts.Command) > 0:
		c.Program = "ssh_command"
	case opts.Transport == TransportSSH:
		c.Program = "transport=ssh"
	case opts.Transport == TransportNative:
		return
	default:
		c.Program = c.needsProgram(ctx, opts, set)
	}
	if c.Program != "" {
		c.openSSH = isOpenSSH(ctx, command)
	}
}

// needsProgram names the setting that needs the ssh program; "" if none does.
func (c *Config) needsProgram(ctx context.Context, opts Options, set settings) string {
	for _, setting := range programOnly {
		if value := set.first(setting.keyword); setting.wanted(value) {
			return setting.name + " " + value
		}
	}
	if isYes(set.first("gssapiauthentication")) && (asked(opts, "gssapiauthentication") || hasTickets(ctx)) {
		return "GSSAPIAuthentication yes"
	}
	if file := c.securityKeyFile(ctx); file != "" {
		return "IdentityFile " + file + ", a key on a security token"
	}
	return ""
}

// asked reports whether the user named keyword on the command line.
func asked(opts Options, keyword string) bool {
	return slices.ContainsFunc(opts.Overrides, func(o string) bool {
		return len(o) > len(keyword) && strings.EqualFold(o[:len(keyword)], keyword)
	})
}

// klistTimeout is how long a daemon that keeps tickets may take to answer.
const klistTimeout = 5 * time.Second

// hasTickets reports whether there is a Kerberos ticket. Debian's ssh_config asks for
// GSSAPI everywhere, also of those who have none. klist(1) knows every kind of
// credentials cache; without it, one that is a file is looked for.
func hasTickets(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, klistTimeout)
	defer cancel()
	if err := exec.CommandContext(ctx, "klist", "-s").Run(); !errors.Is(err, exec.ErrNotFound) {
		return err == nil
	}
	cache := os.Getenv("KRB5CCNAME")
	if kind, _, found := strings.Cut(cache, ":"); found && kind != "FILE" {
		return true
	}
	if cache == "" {
		cache = "/tmp/krb5cc_" + newLocalUser().uid
	}
	_, err := os.Stat(strings.TrimPrefix(cache, "FILE:"))
	return err == nil
}

// securityKeyFile returns an identity file whose key is on a security token and
// not in the agent. Of the default files it counts if there is no other.
func (c *Config) securityKeyFile(ctx context.Context) string {
	file := ""
	for _, path := range c.IdentityFile {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		public, err := readPublicKey(path + ".pub")
		switch {
		case err == nil && strings.HasPrefix(public.Type(), "sk-") && !agentHolds(ctx, c.IdentityAgent, public):
			file = path
		case c.DefaultIdentities:
			return ""
		}
	}
	return file
}

func agentHolds(ctx context.Context, socket string, key ssh.PublicKey) bool {
	if socket == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	held, err := agent.NewClient(conn).List()
	return err == nil && slices.ContainsFunc(held, func(k *agent.Key) bool { return equalKeys(k, key) })
}
