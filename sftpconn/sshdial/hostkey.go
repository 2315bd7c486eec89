package sshdial

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// hostKeyCheck decides on the server's host key, for one connection. It runs on
// a goroutine of the SSH library, for which the handshake waits.
type hostKeyCheck struct {
	ctx     context.Context
	h       *handshake
	files   []string // known_hosts
	known   *knownHosts
	address string // what is looked up, as host:port
	plain   string // what is looked up if address is unknown; "" for nothing

	accepted ssh.PublicKey // nil before the first check
	failure  error         // of the first check
}

func newHostKeyCheck(ctx context.Context, h *handshake) (*hostKeyCheck, error) {
	files := slices.Concat(h.cfg.UserKnownHostsFile, h.cfg.GlobalKnownHostsFile)
	known, err := loadKnownHosts(files, nil, h.log)
	if err != nil {
		return nil, err
	}
	c := &hostKeyCheck{ctx: ctx, h: h, files: files, known: known}
	switch name := strings.ToLower(h.cfg.HostName); {
	case strings.HasPrefix(h.cfg.HostKeyAlias, "["): // with a port
		c.address = h.cfg.HostKeyAlias
	case h.cfg.HostKeyAlias != "":
		c.address = net.JoinHostPort(h.cfg.HostKeyAlias, "22")
	default:
		c.address = net.JoinHostPort(name, strconv.Itoa(h.cfg.Port))
		if h.cfg.Port != 22 {
			c.plain = net.JoinHostPort(name, "22")
		}
	}
	return c, c.askCommand("ORDER", nil)
}

// algorithms returns the host key algorithms to offer, those first for which a
// key or an authority is known. Otherwise a server that has several keys could
// show one that we do not know, and look like an impostor.
func (c *hostKeyCheck) algorithms() []string {
	known := c.known.keys(c.address)
	if len(known) == 0 && c.plain != "" {
		known = c.known.keys(c.plain)
	}
	hasAuthority := false
	var types []string
	for _, k := range known {
		hasAuthority = hasAuthority || k.Cert
		if !k.Cert {
			types = append(types, signatureAlgorithms(k.Type(), c.h.cfg.HostKeyAlgorithms)...)
		}
	}
	var first, rest []string
	for _, a := range c.h.cfg.HostKeyAlgorithms {
		switch isCert := strings.HasSuffix(a, certSuffix); {
		case isCert && hasAuthority, slices.Contains(types, a):
			first = append(first, a)
		case !isCert:
			rest = append(rest, a)
		}
	}
	return append(first, rest...)
}

// callback is an [ssh.HostKeyCallback]. The library calls it again whenever the
// keys of the connection are renewed.
func (c *hostKeyCheck) callback(_ string, remote net.Addr, key ssh.PublicKey) error {
	if c.accepted != nil {
		if !equalKeys(c.accepted, key) {
			return c.problem(key, "the server came up with another key within the connection")
		}
		return nil
	}
	if err := c.decide(remote, key); err != nil {
		c.failure = err
		return err
	}
	c.accepted = key
	c.h.dog.allow(max(c.h.cfg.ConnectTimeout, minAuthTimeout))
	return nil
}

func (c *hostKeyCheck) decide(remote net.Addr, key ssh.PublicKey) error {
	if problem := c.weakness(key); problem != "" {
		return c.problem(key, problem)
	}
	if err := c.revoked(key); err != nil {
		return c.problem(key, err.Error())
	}
	if err := c.askCommand("HOSTNAME", key); err != nil {
		return c.problem(key, err.Error())
	}
	err := c.known.check(c.address, remote, key)
	if knownhosts.IsHostUnknown(err) && c.plain != "" && c.known.check(c.plain, remote, key) == nil {
		return nil
	}
	if err == nil {
		return nil
	}
	if revoked, ok := errors.AsType[*xknownhosts.RevokedError](err); ok {
		return c.problem(key, "it is marked as @revoked at "+c.known.place(revoked.Revoked))
	}
	wrong, ok := errors.AsType[*xknownhosts.KeyError](err)
	switch {
	case !ok:
		return c.problem(key, err.Error())
	case len(wrong.Want) > 0:
		return c.changed(key, wrong.Want)
	}
	return c.unknown(remote, plainKey(key))
}

// weakness returns why key must not be used even if it is the right one.
func (c *hostKeyCheck) weakness(key ssh.PublicKey) string {
	if cert, ok := key.(*ssh.Certificate); ok {
		if !slices.Contains(c.h.cfg.CASignatureAlgorithms, cert.Signature.Format) {
			return fmt.Sprintf("its certificate is signed with %s, which CASignatureAlgorithms does not name",
				cert.Signature.Format)
		}
	}
	if crypto, ok := plainKey(key).(ssh.CryptoPublicKey); ok {
		if k, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok && k.N.BitLen() < c.h.cfg.RequiredRSASize {
			return fmt.Sprintf("it has %d bits, RequiredRSASize asks for %d", k.N.BitLen(), c.h.cfg.RequiredRSASize)
		}
	}
	return ""
}

func (c *hostKeyCheck) changed(key ssh.PublicKey, want []xknownhosts.KnownKey) error {
	var places []string
	for _, w := range want {
		places = append(places, fmt.Sprintf("%s (%s)", c.known.place(w), describeKey(w.Key)))
	}
	return c.problem(key, fmt.Sprintf("REMOTE HOST IDENTIFICATION HAS CHANGED! It is not the one at %s: the server was reinstalled, or somebody sits in between; "+
		"if the new key is right, remove the old one with: ssh-keygen -f %q -R %q",
		strings.Join(places, ", "), c.known.file(want[0]), c.name()))
}

// unknown decides on a key of which no file says anything.
func (c *hostKeyCheck) unknown(remote net.Addr, key ssh.PublicKey) error {
	if pinned := c.h.memory.hostKey; pinned != nil {
		if equalKeys(plainKey(pinned), key) {
			return nil
		}
		return c.problem(key, "it is not the one of the first connection")
	}
	switch c.h.cfg.StrictHostKeyChecking {
	case "yes":
		return c.problem(key, "it is not in known_hosts, and StrictHostKeyChecking is yes; connect once with: "+c.sshCommand())
	case "ask":
		if err := c.confirm(remote, key); err != nil {
			return err
		}
	}
	c.record(key)
	return nil
}

// confirm asks the user, in the words of ssh.
func (c *hostKeyCheck) confirm(remote net.Addr, key ssh.PublicKey) error {
	fingerprint := ssh.FingerprintSHA256(key)
	host := c.name()
	if ip, _, err := net.SplitHostPort(remote.String()); err == nil && ip != host {
		host += " (" + ip + ")"
	}
	question := fmt.Sprintf("The authenticity of host '%s' can't be established.\n"+
		"%s key fingerprint is %s.\n"+
		"Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
		host, keyTypeName(key), fingerprint)
	for {
		answer, err := c.h.ask(c.ctx, question, true)
		if errors.Is(err, ErrNoPrompt) {
			return c.problem(key, "it is not in known_hosts, and there is no terminal to ask on; connect once with: "+
				c.sshCommand()+", or accept it unseen with -o StrictHostKeyChecking=accept-new")
		}
		if err != nil {
			return err
		}
		switch text := strings.TrimSpace(string(answer)); {
		case strings.EqualFold(text, "yes"), text == fingerprint:
			return nil
		case strings.EqualFold(text, "no"), text == "":
			return c.problem(key, "you did not accept it")
		}
		question = "Please type 'yes', 'no' or the fingerprint: "
	}
}

// record adds an accepted key to the user's first known_hosts file. If that
// fails, the way still remembers the key.
func (c *hostKeyCheck) record(key ssh.PublicKey) {
	if len(c.h.cfg.UserKnownHostsFile) == 0 {
		return
	}
	file := c.h.cfg.UserKnownHostsFile[0]
	if err := appendKnownHost(file, c.address, key, c.h.cfg.HashKnownHosts); err != nil {
		c.h.log.Warn("the host key could not be added to known_hosts", "err", err)
		return
	}
	c.h.log.Warn("permanently added the host key to known_hosts",
		"name", c.name(), "key", describeKey(key), "file", file)
}

// name is the host as known_hosts calls it.
func (c *hostKeyCheck) name() string { return knownhosts.Normalize(c.address) }

func (c *hostKeyCheck) sshCommand() string {
	if c.h.cfg.Port != 22 {
		return fmt.Sprintf("ssh -p %d %s", c.h.cfg.Port, c.h.cfg.Host)
	}
	return "ssh " + c.h.cfg.Host
}

func (c *hostKeyCheck) problem(key ssh.PublicKey, what string) error {
	return &hostKeyError{Host: c.name(), Key: describeKey(key), Problem: what}
}

// plainKey returns the key that a certificate is about, or key itself.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}

// describeKey names a key as ssh does: "ED25519 SHA256:...".
func describeKey(key ssh.PublicKey) string {
	return keyTypeName(key) + " " + ssh.FingerprintSHA256(plainKey(key))
}

// keyTypeName returns "ED25519", "ECDSA", "RSA-CERT" and the like.
func keyTypeName(key ssh.PublicKey) string {
	name, isCert := strings.CutSuffix(key.Type(), certSuffix)
	name = strings.TrimSuffix(name, "@openssh.com")
	name, isSecurityKey := strings.CutPrefix(name, "sk-")
	name = strings.TrimPrefix(name, "ssh-")
	name, _, _ = strings.Cut(name, "-sha2-")
	if isSecurityKey {
		name += "-sk"
	}
	if isCert {
		name += "-cert"
	}
	return strings.ToUpper(name)
}
