package main

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// A target is what is mounted: [user@]host:[dir].
type target struct {
	user string // empty: as ssh_config says
	host string // without the brackets of an IPv6 address; empty for a way that needs none
	dir  string // empty: the home directory on the server
}

// parseTarget takes [user@]host:[dir] apart. An IPv6 address stands in
// brackets, which its colons need.
func parseTarget(s string) (target, error) {
	login, dir, ok := cutHost(s)
	if !ok {
		return target{}, usageError("%q names no server: write it as host:directory or user@host:directory", s)
	}
	t := target{host: login, dir: dir}
	if at := strings.LastIndexByte(login, '@'); at >= 0 {
		t.user, t.host = login[:at], login[at+1:]
		if t.user == "" {
			return target{}, usageError("%q has an empty user name: leave the @ out to log in as ssh_config says", s)
		}
	}
	if strings.HasPrefix(t.host, "[") && strings.HasSuffix(t.host, "]") {
		t.host = t.host[1 : len(t.host)-1]
	}
	if err := t.check(s); err != nil {
		return target{}, err
	}
	return t, nil
}

// namesServer reports whether s has the form of a target.
func namesServer(s string) bool {
	_, _, ok := cutHost(s)
	return ok
}

// cutHost splits at the first colon that is not inside brackets.
func cutHost(s string) (login, dir string, ok bool) {
	bracket := false
	for i := range len(s) {
		switch s[i] {
		case '[':
			bracket = true
		case ']':
			bracket = false
		case '/':
			if !bracket {
				return "", "", false
			}
		case ':':
			if !bracket {
				return s[:i], s[i+1:], true
			}
		}
	}
	return "", "", false
}

// check refuses what cannot be a host or a user. Both reach the ssh program as
// arguments (ssh -G), which would take one that starts with "-" for an option:
// CVE-2026-48711 of sshfs.
func (t target) check(s string) error {
	if i := strings.LastIndexByte(s, ':'); i > 0 {
		if addr, err := netip.ParseAddr(s[strings.LastIndexByte(s[:i], '@')+1 : i]); err == nil && addr.Is6() {
			return usageError("%q: an IPv6 address needs brackets: [%s]:%s", s, addr, s[i+1:])
		}
	}
	if t.host == "" && !strings.HasPrefix(s, ":") { // some ways need none
		return usageError("%q names no server before the colon: write it as host:directory", s)
	}
	for what, name := range map[string]string{"host": t.host, "user": t.user} {
		if strings.HasPrefix(name, "-") {
			return usageError("invalid %sname %q: it starts with %q", what, name, "-")
		}
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return usageError("%s name %q contains white space or control characters", what, name)
		}
	}
	if strings.ContainsRune(t.dir, 0) {
		return usageError("directory %q contains a NUL byte", t.dir)
	}
	return nil
}

// String writes the target as it is given on the command line; mount(8) shows
// it as the source of the mount.
func (t target) String() string {
	host := t.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.user != "" {
		host = t.user + "@" + host
	}
	return fmt.Sprintf("%s:%s", host, t.dir)
}
