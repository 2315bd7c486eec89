package demo

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"sftpmount/sftpconn/sftptest"
)

// startServer starts a server of dir/server, and writes into dir what its user
// needs to reach it: a key, known_hosts and ssh_config.
func startServer(t *testing.T, dir string) *sftptest.Server {
	t.Helper()
	served := filepath.Join(dir, "server")
	require.NoError(t, os.Mkdir(served, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "mnt"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(served, "greeting.txt"), []byte("hello from the server\n"), 0o644))
	large := make([]byte, 64<<20)
	_, err := rand.Read(large)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(served, "large"), large, 0o644))

	private, public := newKey(t)
	server := sftptest.NewServer(t, sftptest.Options{
		Dir:   served,
		Users: []sftptest.User{{Name: "demo", Keys: []ssh.PublicKey{public}}},
	})
	host, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("id_ed25519", private)
	write("known_hosts", knownhosts.Line([]string{knownhosts.Normalize(server.Addr())}, server.HostKey())+"\n")
	write("ssh_config", fmt.Sprintf(`Host demo
  HostName %s
  Port %s
  User demo
  IdentityFile %s
  UserKnownHostsFile %s
`, host, port, filepath.Join(dir, "id_ed25519"), filepath.Join(dir, "known_hosts")))
	return server
}

func newKey(t *testing.T) (private string, public ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(key, "demo")
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(block)), signer.PublicKey()
}
