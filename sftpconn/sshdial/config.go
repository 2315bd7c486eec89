package sshdial

import (
	"context"
	"errors"
	"time"
)

// Config is the effective configuration for one server. The fields are
// keywords of ssh_config(5) with their meaning there; paths are expanded and
// absolute, and lists of algorithms hold only those that can be used.
type Config struct {
	Host     string // as typed
	HostName string
	Port     int
	User     string

	AddressFamily  string // "any", "inet" or "inet6"
	BindAddress    string
	ConnectTimeout time.Duration // never 0

	ServerAliveInterval time.Duration // 0: no keepalive
	ServerAliveCountMax int

	IdentityFile      []string
	DefaultIdentities bool // IdentityFile was not set: these may be missing
	CertificateFile   []string
	IdentityAgent     string // path of the socket; "" if there is none
	IdentitiesOnly    bool

	UserKnownHostsFile    []string
	GlobalKnownHostsFile  []string
	StrictHostKeyChecking string // "yes", "ask", "accept-new" or "no"
	HostKeyAlias          string
	HashKnownHosts        bool
	RequiredRSASize       int    // bits
	RevokedHostKeys       string // path; "" if there are none
	RekeyLimit            uint64 // bytes between key exchanges; 0: as the cipher allows

	Ciphers                  []string
	KexAlgorithms            []string
	MACs                     []string
	HostKeyAlgorithms        []string
	PubkeyAcceptedAlgorithms []string
	CASignatureAlgorithms    []string

	PreferredAuthentications     []string
	PubkeyAuthentication         bool
	PasswordAuthentication       bool
	KbdInteractiveAuthentication bool
	NumberOfPasswordPrompts      int
	BatchMode                    bool
}

// defaultConnectTimeout applies where ssh_config sets none. OpenSSH then waits
// for as long as TCP does; a server that accepts and stays silent would hold
// the mount for ever.
const defaultConnectTimeout = 30 * time.Second

// Resolve finds the effective configuration for opts.Host. Where an ssh program
// is installed, it asks that (ssh -G), so that Include, Match and tokens mean
// what they mean to ssh; otherwise it reads the files itself, and Match can
// only name hosts.
//
// It fails if the configuration is wrong, or needs something that this package
// cannot do yet, such as ProxyJump. All its errors are permanent, other than
// the end of ctx.
func Resolve(ctx context.Context, opts Options) (Config, error) {
	if err := opts.validate(); err != nil {
		return Config{}, permanent(err)
	}
	set, builtin, err := askSSH(ctx, opts)
	if errors.Is(err, errNoSSH) {
		set, err = readFiles(opts)
	}
	if ctx.Err() != nil {
		return Config{}, ctx.Err()
	}
	if err != nil {
		return Config{}, permanent(err)
	}
	cfg, err := newConfig(opts.Host, set, builtin)
	return cfg, permanent(err)
}

// newConfig reads set, the settings for host. Lists of algorithms that are the
// same in builtin, the settings of an empty ssh_config, were not chosen by
// anybody.
func newConfig(host string, set, builtin settings) (Config, error) {
	if err := set.refuseUnsupported(); err != nil {
		return Config{}, err
	}
	local := newLocalUser()
	r := settingsReader{set: set}
	cfg := Config{
		Host:                host,
		HostName:            r.word("hostname", host),
		Port:                r.number("port", 22),
		User:                r.word("user", local.name),
		AddressFamily:       r.choice("addressfamily", "any", "inet", "inet6"),
		BindAddress:         r.word("bindaddress", ""),
		ConnectTimeout:      r.duration("connecttimeout", defaultConnectTimeout),
		ServerAliveInterval: r.duration("serveraliveinterval", 0),
		ServerAliveCountMax: r.number("serveralivecountmax", 3),

		IdentitiesOnly:        r.flag("identitiesonly", false),
		StrictHostKeyChecking: r.choice("stricthostkeychecking", "ask", "yes", "accept-new", "no"),
		HostKeyAlias:          r.word("hostkeyalias", ""),
		HashKnownHosts:        r.flag("hashknownhosts", false),
		RequiredRSASize:       r.number("requiredrsasize", 1024),
		RekeyLimit:            r.bytes("rekeylimit"),

		PreferredAuthentications: r.list("preferredauthentications",
			"publickey", "keyboard-interactive", "password"),
		PubkeyAuthentication:         r.flag("pubkeyauthentication", true),
		PasswordAuthentication:       r.flag("passwordauthentication", true),
		KbdInteractiveAuthentication: r.flag("kbdinteractiveauthentication", true),
		NumberOfPasswordPrompts:      r.number("numberofpasswordprompts", 3),
		BatchMode:                    r.flag("batchmode", false),
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = defaultConnectTimeout
	}
	cfg.setPaths(set, builtin, local)
	if err := cfg.setAlgorithms(set, builtin); err != nil {
		return Config{}, err
	}
	return cfg, r.err
}
