package integration

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// hostAlias is what ssh_config calls the server.
const hostAlias = "server"

// keyPair is an Ed25519 key as OpenSSH stores it.
type keyPair struct {
	private []byte // PEM
	public  string // a line of authorized_keys, without its end
}

func newKeyPair(t testing.TB) keyPair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	sshPublic, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	line := ssh.MarshalAuthorizedKey(sshPublic)
	return keyPair{private: pem.EncodeToMemory(block), public: string(line[:len(line)-1])}
}

// client is what a user of the program has at home: an ssh_config, a list of
// known hosts and a key.
type client struct {
	dir    string
	config string // path of the ssh_config
}

// newClient sets up a client that may log in to s as user. Its connections go
// to port, which is the server's own or that of a link in between.
func newClient(t testing.TB, s *sshd, user string, port int) *client {
	t.Helper()
	c := &client{dir: t.TempDir()}
	c.config = c.path("config")
	c.writeFile(t, "key", s.userKey.private)
	c.writeFile(t, "known_hosts", fmt.Appendf(nil, "[127.0.0.1]:%d %s\n", port, s.hostKey.public))
	c.writeFile(t, "config", fmt.Appendf(nil, `Host %s
    HostName 127.0.0.1
    Port %d
    User %s
    IdentityFile %s
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile %s
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    ConnectTimeout 30
`, hostAlias, port, user, c.path("key"), c.path("known_hosts")))
	return c
}

// client may log in as whoever runs the tests.
func (s *sshd) client() *client {
	s.t.Helper()
	return newClient(s.t, s, userName(s.t, os.Getuid()), s.port)
}

func (c *client) path(name string) string { return filepath.Join(c.dir, name) }

func (c *client) writeFile(t testing.TB, name string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(c.path(name), content, 0o600))
}

// giveTo makes an ordinary user the owner of the client's files.
func (c *client) giveTo(t testing.TB, uid int) {
	t.Helper()
	for _, path := range []string{c.dir, c.config, c.path("key"), c.path("known_hosts")} {
		require.NoError(t, os.Chown(path, uid, uid))
	}
}

// userName is what the system calls a user.
func userName(t testing.TB, uid int) string {
	t.Helper()
	u, err := user.LookupId(strconv.Itoa(uid))
	require.NoError(t, err)
	return u.Username
}

// replaceInConfig changes the ssh_config, which must hold old.
func (c *client) replaceInConfig(t testing.TB, old, replacement string) {
	t.Helper()
	config, err := os.ReadFile(c.config)
	require.NoError(t, err)
	require.Contains(t, string(config), old)
	c.writeFile(t, "config", []byte(strings.Replace(string(config), old, replacement, 1)))
}
