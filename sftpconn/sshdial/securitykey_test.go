package sshdial

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// tokenAgent is an agent that holds a key of a security token (OpenSSH's
// PROTOCOL.u2f), which no agent without one does.
type tokenAgent struct {
	agent.ExtendedAgent
	private ed25519.PrivateKey
}

const tokenApplication = "ssh:"

func (a *tokenAgent) blob() []byte {
	return ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, a.private.Public().(ed25519.PublicKey), tokenApplication})
}

func (a *tokenAgent) List() ([]*agent.Key, error) {
	return []*agent.Key{{Format: ssh.KeyAlgoSKED25519, Blob: a.blob(), Comment: "token"}}, nil
}

func (a *tokenAgent) SignWithFlags(_ ssh.PublicKey, data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
	application, message := sha256.Sum256([]byte(tokenApplication)), sha256.Sum256(data)
	touched := []byte{1, 0, 0, 0, 7} // user present; counter
	signed := bytes.Join([][]byte{application[:], touched, message[:]}, nil)
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(a.private, signed), Rest: touched}, nil
}

func TestSecurityKeyInAgent(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	token := &tokenAgent{private: private}
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(token, conn) // until the login is over
			_ = conn.Close()
		}
	}()
	cfg := startServer(t, &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), token.blob()) {
				return nil, errRefused
			}
			return nil, nil
		},
	})
	cfg.IdentityAgent = socket
	_, err = dial(t, cfg, Options{})
	require.NoError(t, err)
}

// A locked agent lists no keys; those in files are used.
func TestLockedAgent(t *testing.T) {
	s := newKnownServer(t)
	keys := agent.NewKeyring()
	require.NoError(t, keys.Lock([]byte("secret")))
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_ = agent.ServeAgent(keys, conn)
			_ = conn.Close()
		}
	}()
	require.NoError(t, s.dial("IdentityAgent "+socket))
}
