package sshdial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// fileKeywords are the keywords that are looked up where no ssh program does.
// Those that are not in it do not concern us.
var fileKeywords = []string{
	"hostname", "port", "user", "addressfamily", "bindaddress", "connecttimeout",
	"serveraliveinterval", "serveralivecountmax",
	"identityfile", "identitiesonly", "identityagent", "certificatefile",
	"userknownhostsfile", "globalknownhostsfile", "stricthostkeychecking",
	"hostkeyalias", "hashknownhosts", "requiredrsasize",
	"ciphers", "kexalgorithms", "macs", "hostkeyalgorithms",
	"pubkeyacceptedalgorithms", "casignaturealgorithms",
	"preferredauthentications", "pubkeyauthentication", "passwordauthentication",
	"kbdinteractiveauthentication", "numberofpasswordprompts", "batchmode",
	"bindinterface", "connectionattempts", "tcpkeepalive", "ipqos", "proxyjump", "proxycommand",
	"compression", "gssapiauthentication",
	"hostbasedauthentication", "pkcs11provider", "proxyusefdpass", "knownhostscommand", "revokedhostkeys", "rekeylimit",
}

// readFiles reads the settings for opts.Host from the files that ssh would
// read. As in ssh, what comes first counts: command line, user's file, system's
// file.
func readFiles(opts Options) (settings, error) {
	set := settings{}
	for _, o := range opts.Overrides {
		keyword, value, ok := strings.Cut(o, "=")
		if !ok {
			keyword, value, ok = strings.Cut(o, " ")
		}
		if !ok {
			return nil, fmt.Errorf("-o %s: should be Keyword=value", o)
		}
		keyword = strings.ToLower(strings.TrimSpace(keyword))
		set[keyword] = append(set[keyword], unquote(strings.TrimSpace(value)))
	}
	if opts.User != "" {
		set["user"] = []string{opts.User}
	}
	if opts.Port != 0 {
		set["port"] = []string{strconv.Itoa(opts.Port)}
	}
	files, required := []string{
		filepath.Join(newLocalUser().home, ".ssh", "config"), "/etc/ssh/ssh_config",
	}, false
	switch opts.ConfigFile {
	case "":
	case "none":
		files = nil
	default:
		files, required = []string{opts.ConfigFile}, true
	}
	for _, name := range files {
		err := set.addFile(name, opts.Host)
		if err != nil && (required || !errors.Is(err, fs.ErrNotExist)) {
			return nil, fmt.Errorf("ssh_config: %w", err)
		}
	}
	// "%h" is the host as typed in HostName, and the HostName elsewhere.
	if h := set["hostname"]; len(h) > 0 {
		set["hostname"] = []string{strings.NewReplacer("%%", "%", "%h", opts.Host).Replace(h[0])}
	}
	return set, nil
}

// addFile appends what the file called name says of host.
func (s settings) addFile(name, host string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	parsed, err := ssh_config.DecodeBytes(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	proxied := isNamed(s.first("proxyjump")) || s.first("proxycommand") != ""
	for _, keyword := range fileKeywords {
		if proxied && (keyword == "proxyjump" || keyword == "proxycommand") {
			continue // what comes later does not count, even after "ProxyCommand none"
		}
		values, err := parsed.GetAll(host, keyword)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, v := range values {
			s[keyword] = append(s[keyword], unquote(v))
		}
	}
	return nil
}

// unquote takes the quotes off a value that is quoted as a whole.
func unquote(v string) string {
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}
