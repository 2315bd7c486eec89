package sshdial

import (
	"crypto/sha1" // %C is defined by it; nothing is secured with it
	"encoding/hex"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// localUser is who runs this program.
type localUser struct {
	name, uid, home string
}

// newLocalUser asks the user database first, as ssh does: under mount(8) and
// systemd, $HOME may be missing or another user's.
func newLocalUser() localUser {
	l := localUser{uid: strconv.Itoa(os.Getuid()), home: os.Getenv("HOME"), name: os.Getenv("USER")}
	if u, err := user.Current(); err == nil {
		l.name = u.Username
		if u.HomeDir != "" {
			l.home = u.HomeDir
		}
	}
	return l
}

// defaultIdentities are the files that ssh tries where none is named.
var defaultIdentities = []string{
	"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk",
	"~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk",
}

// setPaths fills in the fields that hold paths.
func (c *Config) setPaths(set, builtin settings, local localUser) {
	expand := c.expander(local)

	c.IdentityFile = expand(set["identityfile"])
	c.DefaultIdentities = !set.differs(builtin, "identityfile")
	if len(set["identityfile"]) == 0 {
		c.IdentityFile = expand(defaultIdentities)
	}
	c.CertificateFile = expand(set["certificatefile"])

	c.UserKnownHostsFile = expand(splitPaths(set.first("userknownhostsfile")))
	if len(set["userknownhostsfile"]) == 0 {
		c.UserKnownHostsFile = expand([]string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"})
	}
	c.GlobalKnownHostsFile = expand(splitPaths(set.first("globalknownhostsfile")))
	if len(set["globalknownhostsfile"]) == 0 {
		c.GlobalKnownHostsFile = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	}

	if command := strings.Fields(set.first("knownhostscommand")); len(command) > 0 && !strings.EqualFold(command[0], "none") {
		c.KnownHostsCommand = command
	}
	c.RevokedHostKeys = strings.Join(expand(set["revokedhostkeys"]), "")

	switch agent := set.first("identityagent"); {
	case agent == "" || agent == "SSH_AUTH_SOCK":
		c.IdentityAgent = os.Getenv("SSH_AUTH_SOCK")
	case strings.HasPrefix(agent, "$") && !strings.HasPrefix(agent, "${"):
		c.IdentityAgent = os.Getenv(agent[1:])
	default:
		c.IdentityAgent = strings.Join(expand([]string{agent}), "")
	}
}

// splitPaths takes a list of paths apart. ssh -G prints them without the quotes that
// one with spaces needs, so what does not begin like a path goes on with the one
// before.
func splitPaths(list string) []string {
	var paths []string
	for word := range strings.FieldsSeq(list) {
		if n := len(paths); n > 0 && !strings.ContainsAny(word[:1], `/~%$"`) {
			paths[n-1] += " " + word
			continue
		}
		paths = append(paths, word)
	}
	return paths
}

// expander returns a function that expands "~", the tokens of ssh_config(5) and
// environment variables in paths, makes them absolute and drops "none". ssh -G
// leaves some of them as they were written.
func (c *Config) expander(local localUser) func(paths []string) []string {
	tokens := c.tokens(local)
	return func(paths []string) []string {
		var out []string
		for _, p := range paths {
			p = unquote(p)
			if strings.EqualFold(p, "none") {
				continue
			}
			p = tokens.Replace(expandVariables(expandHome(p, local)))
			if absolute, err := filepath.Abs(p); err == nil {
				p = absolute
			}
			out = append(out, p)
		}
		return slices.Compact(out)
	}
}

// tokens replaces the tokens of ssh_config(5), such as %h, and further ones.
func (c *Config) tokens(local localUser, more ...string) *strings.Replacer {
	hostname, _ := os.Hostname()
	short, _, _ := strings.Cut(hostname, ".")
	port := strconv.Itoa(c.Port)
	hash := sha1.Sum([]byte(hostname + c.HostName + port + c.User))
	alias := c.HostKeyAlias
	if alias == "" {
		alias = c.Host
	}
	return strings.NewReplacer(append(more, "%%", "%", "%C", hex.EncodeToString(hash[:]), "%d", local.home,
		"%h", c.HostName, "%i", local.uid, "%j", "", "%k", alias, "%L", short, "%l", hostname,
		"%n", c.Host, "%p", port, "%r", c.User, "%u", local.name)...)
}

func expandHome(path string, local localUser) string {
	name, rest, _ := strings.Cut(path, "/")
	switch {
	case name == "~":
		return filepath.Join(local.home, rest)
	case strings.HasPrefix(name, "~"):
		if u, err := user.Lookup(name[1:]); err == nil {
			return filepath.Join(u.HomeDir, rest)
		}
	}
	return path
}

// expandVariables expands ${NAME}, and nothing else that a shell would.
func expandVariables(path string) string {
	before, after, found := strings.Cut(path, "${")
	name, rest, closed := strings.Cut(after, "}")
	if !found || !closed {
		return path
	}
	return before + os.Getenv(name) + expandVariables(rest)
}
