package sshdial

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"golang.org/x/crypto/ssh"
)

// krlMagic begins a key revocation list (OpenSSH's PROTOCOL.krl).
var krlMagic = []byte("SSHKRL\n\x00")

// revoked returns why key must not be used by RevokedHostKeys: a text file of
// public keys, or a key revocation list. A certificate goes with its key and with its
// authority's. As with ssh, no host is trusted if the file cannot be read.
func (c *hostKeyCheck) revoked(key ssh.PublicKey) error {
	file := c.h.cfg.RevokedHostKeys
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("RevokedHostKeys cannot be read: %w", err)
	}
	if bytes.HasPrefix(data, krlMagic) {
		return c.revokedByList(file, key)
	}
	parts := []ssh.PublicKey{key}
	if cert, ok := key.(*ssh.Certificate); ok {
		parts = append(parts, cert.Key, cert.SignatureKey)
	}
	for len(data) > 0 {
		listed, _, _, rest, err := ssh.ParseAuthorizedKey(data)
		if err != nil {
			break // what is left are comments, or nothing
		}
		if slices.ContainsFunc(parts, func(p ssh.PublicKey) bool { return equalKeys(p, listed) }) {
			return fmt.Errorf("RevokedHostKeys (%s) lists it", file)
		}
		data = rest
	}
	return nil
}

// revokedByList lets ssh-keygen read the list, which names serial numbers,
// hashes and key IDs as well.
func (c *hostKeyCheck) revokedByList(list string, key ssh.PublicKey) error {
	query := exec.CommandContext(c.ctx, "ssh-keygen", "-Q", "-f", list, "/dev/stdin")
	query.Stdin = bytes.NewReader(ssh.MarshalAuthorizedKey(key))
	out, err := query.CombinedOutput()
	if err == nil {
		return nil
	}
	if is[*exec.ExitError](err) && bytes.Contains(out, []byte("REVOKED")) {
		return fmt.Errorf("RevokedHostKeys (%s) lists it", list)
	}
	return fmt.Errorf("RevokedHostKeys (%s) cannot be asked through ssh-keygen: %s", list, reason(string(out), err))
}
