package sshdial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config is the effective configuration for one server. The fields are
// keywords of ssh_config(5) with their meaning there; paths are expanded and
// absolute, and lists of algorithms hold only those that can be used.
type Config struct {
	Host string // as typed
	User string
	TCP

	ProxyCommand string  // for the shell, tokens expanded; "" if there is none
	Via          *Config // the last jump host (ProxyJump); nil if there is none

	// Program says why an ssh program is the transport; "" if none is. Then
	// Via and the lists of algorithms are its own business.
	Program string
	openSSH bool // the program is OpenSSH's

	HostKeys
	Identities
	Login
	Algorithms
}

// TCP is about the connection to the server.
type TCP struct {
	HostName string
	Port     int

	AddressFamily string // "any", "inet" or "inet6"
	BindAddress   string
	BindInterface string

	ConnectTimeout     time.Duration // never 0
	ConnectionAttempts int           // at least 1
	TCPKeepAlive       bool
	IPQoS              int // IP_TOS or IPV6_TCLASS; below 0: as the system does

	ServerAliveInterval time.Duration // 0: no keepalive
	ServerAliveCountMax int
}

// Identities are what the user can show.
type Identities struct {
	IdentityFile      []string
	DefaultIdentities bool // IdentityFile was not set: these may be missing
	CertificateFile   []string
	IdentityAgent     string // path of the socket; "" if there is none
	IdentitiesOnly    bool
}

// HostKeys say which keys a server may show.
type HostKeys struct {
	UserKnownHostsFile    []string
	GlobalKnownHostsFile  []string
	StrictHostKeyChecking string // "yes", "ask", "accept-new" or "no"
	HostKeyAlias          string
	HashKnownHosts        bool
	RequiredRSASize       int      // bits
	KnownHostsCommand     []string // its words, with their tokens
	RevokedHostKeys       string   // path; "" if there are none
}

// Algorithms are those that may be agreed on, best first.
type Algorithms struct {
	RekeyLimit               uint64 // bytes between key exchanges; 0: as the cipher allows
	Ciphers                  []string
	KexAlgorithms            []string
	MACs                     []string
	HostKeyAlgorithms        []string
	PubkeyAcceptedAlgorithms []string
	CASignatureAlgorithms    []string
}

// Login says by which methods to log in.
type Login struct {
	PreferredAuthentications     []string
	PubkeyAuthentication         bool
	PasswordAuthentication       bool
	KbdInteractiveAuthentication bool
	NumberOfPasswordPrompts      int
	BatchMode                    bool
}

// prompter returns who may ask the user, or nil.
func (l *Login) prompter(opts Options) Prompter {
	if l.BatchMode {
		return nil
	}
	return opts.Prompter
}

// defaultConnectTimeout applies where ssh_config sets none. OpenSSH then waits
// for as long as TCP does; a server that accepts and stays silent would hold
// the mount for ever.
const defaultConnectTimeout = 30 * time.Second

// defaultProxyTimeout applies instead to a ProxyCommand, which may ask the user
// something before it connects.
const defaultProxyTimeout = 2 * time.Minute

// Resolve finds the effective configuration for opts.Host. Where an ssh program
// is installed, it asks that (ssh -G), so that Include, Match and tokens mean
// what they mean to ssh; otherwise it reads the files itself, and Match can
// only name hosts.
//
// It fails if the configuration is wrong. All its errors are permanent, other
// than the end of ctx.
func Resolve(ctx context.Context, opts Options) (Config, error) {
	cfg, err := resolve(ctx, opts, nil)
	if err != nil && ctx.Err() != nil {
		return Config{}, ctx.Err()
	}
	return cfg, permanent(err)
}

// resolve is Resolve for a host that is needed to reach the targets, the nearest
// of them first.
func resolve(ctx context.Context, opts Options, targets []place) (Config, error) {
	if err := opts.validate(); err != nil {
		return Config{}, err
	}
	set, builtin, err := askSSH(ctx, opts)
	hasSSH := !errors.Is(err, errNoSSH)
	if !hasSSH {
		set, err = readFiles(opts)
	}
	if err != nil {
		return Config{}, err
	}
	cfg, err := newConfig(opts.Host, set, builtin)
	if err != nil {
		return Config{}, err
	}
	if slices.Contains(targets, cfg.place()) {
		return Config{}, fmt.Errorf("ssh_config: %s is to be reached through itself; give it \"ProxyJump none\"", cfg.Host)
	}
	if hasSSH || opts.namesProgram() {
		cfg.findProgram(ctx, opts, set)
	}
	if cfg.Program != "" {
		return cfg, nil
	}
	if isYes(set.first("compression")) {
		opts.logger().Warn("going on without compression, which needs the ssh program: transport=ssh")
	}
	if err := cfg.chooseAlgorithms(set, builtin); err != nil {
		return Config{}, err
	}
	cfg.Via, err = resolveJump(ctx, opts, set.first("proxyjump"), append([]place{cfg.place()}, targets...))
	return cfg, err
}

// newConfig reads set, the settings for host, but for lists of algorithms. What
// is the same in builtin, the settings of an empty ssh_config, was not chosen by
// anybody.
func newConfig(host string, set, builtin settings) (Config, error) {
	local := newLocalUser()
	r := settingsReader{set: set}
	cfg := Config{
		Host: host,
		User: r.word("user", local.name),
		TCP: TCP{
			HostName:            r.word("hostname", host),
			Port:                r.number("port", 22),
			AddressFamily:       r.choice("addressfamily", "any", "inet", "inet6"),
			BindAddress:         r.word("bindaddress", ""),
			BindInterface:       r.word("bindinterface", ""),
			ConnectTimeout:      r.duration("connecttimeout", 0),
			ConnectionAttempts:  max(r.number("connectionattempts", 1), 1),
			TCPKeepAlive:        r.flag("tcpkeepalive", true),
			IPQoS:               -1,
			ServerAliveInterval: r.duration("serveraliveinterval", 0),
			ServerAliveCountMax: r.number("serveralivecountmax", 3),
		},
		HostKeys: HostKeys{
			StrictHostKeyChecking: r.choice("stricthostkeychecking", "ask", "yes", "accept-new", "no"),
			HostKeyAlias:          r.word("hostkeyalias", ""),
			HashKnownHosts:        r.flag("hashknownhosts", false),
			RequiredRSASize:       r.number("requiredrsasize", 1024),
		},
		Identities: Identities{IdentitiesOnly: r.flag("identitiesonly", false)},
		Login: Login{
			PreferredAuthentications: r.list("preferredauthentications",
				"publickey", "keyboard-interactive", "password"),
			PubkeyAuthentication:         r.flag("pubkeyauthentication", true),
			PasswordAuthentication:       r.flag("passwordauthentication", true),
			KbdInteractiveAuthentication: r.flag("kbdinteractiveauthentication", true),
			NumberOfPasswordPrompts:      r.number("numberofpasswordprompts", 3),
			BatchMode:                    r.flag("batchmode", false),
		},
		Algorithms: Algorithms{RekeyLimit: r.bytes("rekeylimit")},
	}
	if set.differs(builtin, "ipqos") {
		cfg.IPQoS = r.typeOfService("ipqos")
	}
	cfg.setPaths(set, builtin, local)
	cfg.setProxyCommand(set, local)
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = defaultConnectTimeout
		if cfg.ProxyCommand != "" {
			cfg.ConnectTimeout = defaultProxyTimeout
		}
	}
	return cfg, r.err
}
