package sshdial

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// knownHosts is what the known_hosts files say (sshd(8), SSH_KNOWN_HOSTS FILE
// FORMAT).
type knownHosts struct {
	db    *knownhosts.HostKeyDB
	names map[string]string // the files' own names, where copies were read
	log   *slog.Logger
}

// loadKnownHosts reads those of the files that exist, and the lines that
// KnownHostsCommand printed, if any.
func loadKnownHosts(files []string, printed []byte, log *slog.Logger) (*knownHosts, error) {
	var readable []string
	for _, name := range files {
		f, err := os.Open(name)
		if err == nil {
			_ = f.Close()
			readable = append(readable, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			log.Warn("known_hosts file is left out", "err", err)
		}
	}
	k := &knownHosts{names: map[string]string{}, log: log}
	if len(printed) == 0 {
		var err error
		if k.db, err = knownhosts.NewDB(readable...); err == nil {
			return k, nil
		}
	}
	// Only copies can be read, which takes a place to write to.
	dir, err := os.MkdirTemp("", "sftpmount-known_hosts-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if len(printed) > 0 {
		file := filepath.Join(dir, "printed")
		if err := os.WriteFile(file, printed, 0o600); err != nil {
			return nil, err
		}
		readable, k.names[file] = append(readable, file), "KnownHostsCommand"
	}
	if k.db, err = knownhosts.NewDB(readable...); err == nil {
		return k, nil
	}

	// The library refuses a file for one line that it cannot read. ssh passes
	// over such lines: they may name a kind of key from the future.
	for i, name := range readable {
		copied := filepath.Join(dir, fmt.Sprint(i))
		k.names[copied] = k.own(name)
		if err := copyReadableLines(copied, name, log); err != nil {
			return nil, err
		}
		readable[i] = copied
	}
	k.db, err = knownhosts.NewDB(readable...)
	if err != nil {
		return nil, fmt.Errorf("known_hosts (%s): %w", strings.Join(files, ", "), err)
	}
	return k, nil
}

// copyReadableLines copies a known_hosts file and leaves lines empty that
// cannot be parsed, so that the others keep their numbers.
func copyReadableLines(to, from string, log *slog.Logger) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	number := 0
	for line := range bytes.Lines(data) {
		number++
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 || trimmed[0] == '#' {
			line = []byte("\n")
		} else if _, _, _, _, _, err := ssh.ParseKnownHosts(line); err != nil {
			log.Warn("line in known_hosts is left out", "file", from, "line", number, "err", err)
			line = []byte("\n")
		}
		out.Write(line)
	}
	return os.WriteFile(to, out.Bytes(), 0o600)
}

// keys returns the keys known for address, among them those of authorities.
func (k *knownHosts) keys(address string) []knownhosts.PublicKey {
	return k.db.HostKeys(address)
}

// isAuthority reports whether key may sign certificates for address.
func (k *knownHosts) isAuthority(address string, key ssh.PublicKey) bool {
	for _, known := range k.keys(address) {
		if known.Cert && equalKeys(known, key) {
			return true
		}
	}
	return false
}

// check looks key up for address. Its error is an [*xknownhosts.KeyError], whose
// Want is empty for an unknown host and holds the known keys for a changed one;
// an [*xknownhosts.RevokedError]; or says what is wrong with a certificate.
func (k *knownHosts) check(address string, remote net.Addr, key ssh.PublicKey) error {
	cert, isCert := key.(*ssh.Certificate)
	if !isCert {
		return k.checkPlain(address, remote, key)
	}
	err := k.checkPlain(address, remote, cert.SignatureKey)
	if is[*xknownhosts.RevokedError](err) {
		return err
	}
	var invalid error
	if k.isAuthority(address, cert.SignatureKey) {
		if invalid = k.db.HostKeyCallback()(address, remote, cert); invalid == nil {
			return nil
		}
	}
	// As in ssh, a certificate from nobody we know, or that is not valid here, is
	// as good as the key in it.
	err = k.checkPlain(address, remote, cert.Key)
	if invalid == nil {
		return err
	}
	if err != nil {
		return invalid
	}
	k.log.Warn("the host key is known, but its certificate is invalid", "name", knownhosts.Normalize(address), "err", invalid)
	return nil
}

// checkPlain is check for a key that is no certificate.
func (k *knownHosts) checkPlain(address string, remote net.Addr, key ssh.PublicKey) error {
	err := k.db.HostKeyCallback()(address, remote, key)
	wrong, ok := errors.AsType[*xknownhosts.KeyError](err)
	if !ok {
		return err
	}
	// The library counts authorities among the keys that the host itself
	// should have had.
	var own []xknownhosts.KnownKey
	for _, w := range wrong.Want {
		if !k.isAuthority(address, w.Key) {
			own = append(own, w)
		}
	}
	return &xknownhosts.KeyError{Want: own}
}

// file returns the file that holds a known key.
func (k *knownHosts) file(key xknownhosts.KnownKey) string {
	return k.own(key.Filename)
}

// own returns the name by which the user knows a file that was read.
func (k *knownHosts) own(file string) string {
	if own, ok := k.names[file]; ok {
		return own
	}
	return file
}

// place returns "file:line" of a known key.
func (k *knownHosts) place(key xknownhosts.KnownKey) string {
	return fmt.Sprintf("%s:%d", k.file(key), key.Line)
}

// equalKeys compares keys, or certificates, as they are on the wire.
func equalKeys(a, b ssh.PublicKey) bool {
	return bytes.Equal(a.Marshal(), b.Marshal())
}

// appendKnownHost adds a line for the key of address to a known_hosts file,
// which it makes if need be.
func appendKnownHost(file, address string, key ssh.PublicKey, hash bool) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	name := knownhosts.Normalize(address)
	if hash {
		name = xknownhosts.HashHostname(name)
	}
	line := name + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + "\n"
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line)
	return err
}
