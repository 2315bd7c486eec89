package sshdial

import (
	"encoding/base64"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// askCommand adds to what is known the lines that KnownHostsCommand prints
// (ssh_config(5)). It is asked with the invocation ORDER before the key exchange,
// and with HOSTNAME for the key that the server shows.
func (c *hostKeyCheck) askCommand(invocation string, key ssh.PublicKey) error {
	words := c.h.cfg.KnownHostsCommand
	if len(words) == 0 {
		return nil
	}
	keyType, encoded, fingerprint := "NONE", "NONE", "NONE"
	if key != nil {
		keyType, fingerprint = key.Type(), ssh.FingerprintSHA256(key)
		encoded = base64.StdEncoding.EncodeToString(key.Marshal())
	}
	tokens := c.h.cfg.tokens(newLocalUser(), "%I", invocation, "%H", knownhosts.Normalize(c.address),
		"%t", keyType, "%K", encoded, "%f", fingerprint)
	var argv []string
	for _, w := range words {
		argv = append(argv, tokens.Replace(w))
	}
	cmd := exec.CommandContext(c.ctx, argv[0], argv[1:]...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second // for what it leaves running
	lines, err := c.h.start.of(cmd).Output()
	if err != nil {
		return fmt.Errorf("KnownHostsCommand (%s): %s", argv[0], reason(stderr.String(), err))
	}
	known, err := loadKnownHosts(c.files, lines, c.h.log)
	if err == nil {
		c.known = known
	}
	return err
}
