package sshdial

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// TestExpired has a server that says so as PAM does: in a banner, or in
// keyboard-interactive with nothing to answer.
func TestExpired(t *testing.T) {
	t.Parallel()
	const notice = "Your account has expired; please contact your system administrator.\r\n"
	banner := &ssh.ServerConfig{
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
			return nil, &ssh.BannerError{Err: errRefused, Message: notice}
		},
	}
	instruction := &ssh.ServerConfig{
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			_, _ = ask("", notice, nil, nil)
			return nil, errRefused
		},
	}
	for name, config := range map[string]*ssh.ServerConfig{"banner": banner, "instruction": instruction} {
		t.Run(name, func(t *testing.T) {
			_, err := dial(t, startServer(t, config), Options{Password: []byte("right")})
			require.ErrorIs(t, err, errExpired)
			require.ErrorContains(t, err, "contact your system administrator")
			require.Equal(t, CauseExpired, CauseOf(err))
			require.True(t, IsPermanent(err))
		})
	}
}

// What a server tells everybody does not say that this account has expired.
func TestBannerAboutExpiry(t *testing.T) {
	t.Parallel()
	cfg := startServer(t, &ssh.ServerConfig{
		BannerCallback: func(ssh.ConnMetadata) string { return "Expired accounts are removed after a year.\n" },
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
			return nil, errRefused
		},
	})
	_, err := dial(t, cfg, Options{Password: []byte("wrong")})
	require.Equal(t, CauseLogin, CauseOf(err), "%v", err)
}

// A server that talks without end until the login times out does not fill the log.
func TestServerThatTalksBeforeTheLogin(t *testing.T) {
	t.Parallel()
	cfg := startServer(t, &ssh.ServerConfig{
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for range 1000 {
				if _, err := ask("", strings.Repeat("x", 1000), nil, nil); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	})
	var log bytes.Buffer
	client, err := dial(t, cfg, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.Less(t, log.Len(), 2*maxSaid)
	require.Contains(t, log.String(), "xxx")
}

func TestCauses(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t)
	for _, test := range []struct {
		config string
		cause  Cause
	}{
		{"HostName nowhere.invalid", CauseUnknownHost},
		{"Port 1", CauseRefused},
		{"KexAlgorithms diffie-hellman-group1-sha1", CauseAlgorithms},
		{"UserKnownHostsFile none", CauseHostKey},
		{"PubkeyAuthentication no", CauseLogin},
	} {
		t.Run(test.config, func(t *testing.T) {
			err := s.dial(test.config)
			require.Equal(t, test.cause, CauseOf(err), "%v", err)
		})
	}
	require.NoError(t, os.Chmod(s.path("id"), 0o640))
	err := s.dial()
	require.Equal(t, CauseKeyFile, CauseOf(err), "%v", err)
}

func TestRevokedHostKeys(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t)
	s.keygen("other", "ed25519")
	s.write("revoked", "# old keys\n"+s.read("other.pub"))
	require.NoError(t, s.dial("RevokedHostKeys DIR/revoked"))

	s.write("revoked", "# old keys\n\n"+s.read("other.pub")+s.read("host_ed25519.pub"))
	requireHostKeyError(t, s.dial("RevokedHostKeys DIR/revoked"), "/revoked) lists it")

	command(t, "ssh-keygen", "-q", "-k", "-f", s.path("krl"), s.path("host_ed25519.pub"))
	requireHostKeyError(t, s.dial("RevokedHostKeys DIR/krl"), "/krl) lists it")
	command(t, "ssh-keygen", "-q", "-k", "-f", s.path("krl"), s.path("other.pub"))
	require.NoError(t, s.dial("RevokedHostKeys DIR/krl"))

	requireHostKeyError(t, s.dial("RevokedHostKeys DIR/gone"), "cannot be read")
}

func TestRekeyLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint64{
		"": 0, "default none": 0, "none": 0, "4096": 4096, "16K 1h": 16 << 10, "2m": 2 << 20, "1G 0": 1 << 30,
	} {
		r := settingsReader{set: settings{"rekeylimit": {text}}}
		require.Equal(t, want, r.bytes("rekeylimit"), text)
		require.NoError(t, r.err)
	}
	r := settingsReader{set: settings{"rekeylimit": {"much"}}}
	r.bytes("rekeylimit")
	require.ErrorContains(t, r.err, "rekeylimit")
}
