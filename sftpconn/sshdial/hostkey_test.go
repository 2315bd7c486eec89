package sshdial

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// newUnknownServer starts a server into which one can log in, and whose host key
// is not known yet.
func newUnknownServer(t *testing.T, sshdConfig ...string) *testServer {
	t.Helper()
	s := startSSHD(t, sshdConfig...)
	s.keygen("id", "ed25519")
	s.allow("id")
	return s
}

func requireHostKeyError(t *testing.T, err error, problem string) {
	t.Helper()
	var hostKey *hostKeyError
	require.ErrorAs(t, err, &hostKey)
	require.ErrorContains(t, err, problem)
	require.True(t, IsPermanent(err))
}

func TestUnknownKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	fingerprint := strings.Fields(command(t, "ssh-keygen", "-l", "-f", s.path("host_ed25519")))[1]
	for _, answers := range [][]string{{"yes"}, {"maybe", "YES"}, {fingerprint}} {
		p := &prompter{t: t, answers: answers}
		_, err := dial(t, s.resolve(), Options{Prompter: p})
		require.NoError(t, err)
		require.Len(t, p.asked, len(answers))
		require.Equal(t, fmt.Sprintf("The authenticity of host '[127.0.0.1]:%d (127.0.0.1)' can't be established.\n"+
			"ED25519 key fingerprint is %s.\n"+
			"Are you sure you want to continue connecting (yes/no/[fingerprint])? ", s.port, fingerprint), p.asked[0])

		// It is known from now on, and to ssh as well.
		_, err = dial(t, s.resolve(), Options{Prompter: &prompter{t: t}})
		require.NoError(t, err)
		command(t, "ssh", "-F", s.path("ssh_config"), "-o", "BatchMode=yes", "-i", s.path("id"), "box", "true")
		require.NoError(t, os.Remove(s.path("known_hosts")))
	}
	_, err := dial(t, s.resolve(), Options{Prompter: &prompter{t: t, answers: []string{"no"}}})
	requireHostKeyError(t, err, "you did not accept it")
	require.NoFileExists(t, s.path("known_hosts"))
}

func TestUnknownKeyWithNobodyToAsk(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	err := s.dial()
	requireHostKeyError(t, err, "StrictHostKeyChecking=accept-new")
	require.ErrorContains(t, err, fmt.Sprintf("ssh -p %d box", s.port))
	_, err = dial(t, s.resolve("BatchMode yes"), Options{Prompter: &prompter{t: t}})
	requireHostKeyError(t, err, "no terminal")
	_, err = dial(t, s.resolve("StrictHostKeyChecking yes"), Options{Prompter: &prompter{t: t}})
	requireHostKeyError(t, err, "StrictHostKeyChecking is yes")
}

func TestAcceptNew(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{"yes", "no"} {
		for _, strict := range []string{"accept-new", "no"} {
			t.Run(strict+" hashed "+hash, func(t *testing.T) {
				s := newUnknownServer(t).run()
				s.write("known_hosts", "# no newline at the end")
				require.NoError(t, s.dial("StrictHostKeyChecking "+strict, "HashKnownHosts "+hash))
				require.Equal(t, hash == "no", strings.Contains(s.read("known_hosts"), "127.0.0.1"))
				require.Len(t, strings.Split(strings.TrimSpace(s.read("known_hosts")), "\n"), 2)
				require.NoError(t, s.dial("StrictHostKeyChecking yes"))
			})
		}
	}
}

func TestKnownHostsIsMade(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	require.NoError(t, s.dial("UserKnownHostsFile DIR/new/known_hosts", "StrictHostKeyChecking accept-new"))
	info, err := os.Stat(s.path("new"))
	require.NoError(t, err)
	require.EqualValues(t, 0o700, info.Mode().Perm())
}

// TestAcceptedKeyIsRemembered has no file to keep the key in.
func TestAcceptedKeyIsRemembered(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	cfg := s.resolve("UserKnownHostsFile none")
	d := newNativeWay(cfg, Options{Prompter: &prompter{t: t, answers: []string{"yes"}}, Logger: testLogger(t)})
	for range 2 {
		client, err := d.Dial(testContext(t))
		require.NoError(t, err)
		require.NoError(t, client.Close())
	}
	d.cfg.Port = newUnknownServer(t).run().port
	_, err := d.Dial(testContext(t))
	requireHostKeyError(t, err, "not the one of the first connection")
}

func TestChangedKey(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	s.keygen("old", "ed25519")
	s.write("known_hosts", "# a comment\n")
	s.know("NAME", "old")
	for _, strict := range []string{"yes", "ask", "accept-new", "no"} {
		_, err := dial(t, s.resolve("StrictHostKeyChecking "+strict), Options{Prompter: &prompter{t: t}})
		requireHostKeyError(t, err, s.path("known_hosts")+":2")
		require.ErrorContains(t, err, "ssh-keygen -f")
	}
}

// TestAlgorithmsFollowKnownHosts: the server has several keys and prefers
// others than the one we know.
func TestAlgorithmsFollowKnownHosts(t *testing.T) {
	t.Parallel()
	for _, keyType := range []string{"rsa", "ecdsa", "ed25519"} {
		t.Run(keyType, func(t *testing.T) {
			s := newUnknownServer(t, "HostKey DIR/host_ed25519", "HostKey DIR/host_rsa", "HostKey DIR/host_ecdsa")
			for _, k := range []string{"ed25519", "rsa", "ecdsa"} {
				s.keygen("host_"+k, k)
			}
			s.run()
			s.know("NAME", "host_"+keyType)
			require.NoError(t, s.dial())
		})
	}
}

func TestKeyOfAnotherTypeIsAChangedKey(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	s.keygen("rsa", "rsa")
	s.know("NAME", "rsa")
	requireHostKeyError(t, s.dial("StrictHostKeyChecking accept-new"), s.path("known_hosts")+":1 (RSA ")
}

func TestNamesInKnownHosts(t *testing.T) {
	t.Parallel()
	for name, names := range map[string]struct{ known, config string }{
		"port":         {"NAME", ""},
		"without port": {"127.0.0.1", ""},
		"alias":        {"the-name", "HostKeyAlias the-name"},
		"alias, port":  {"[the-name]:7", "HostKeyAlias [the-name]:7"},
		"wildcard":     {"127.*", ""},
		"list":         {"other,NAME", ""},
		"upper case":   {"[localhost]:PORT", "HostName LocalHost"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newUnknownServer(t).run()
			s.know(strings.ReplaceAll(names.known, "PORT", fmt.Sprint(s.port)), "host_ed25519")
			require.NoError(t, s.dial(names.config, "StrictHostKeyChecking yes", "AddressFamily inet"))
		})
	}
	t.Run("hashed", func(t *testing.T) {
		s := newUnknownServer(t).run()
		s.know("NAME", "host_ed25519")
		command(t, "ssh-keygen", "-q", "-H", "-f", s.path("known_hosts"))
		require.NotContains(t, s.read("known_hosts"), "127.0.0.1")
		require.NoError(t, s.dial("StrictHostKeyChecking yes"))
	})
	t.Run("second file", func(t *testing.T) {
		s := newUnknownServer(t).run()
		s.know("NAME", "host_ed25519")
		cfg := s.resolve("StrictHostKeyChecking yes", "UserKnownHostsFile DIR/missing",
			"GlobalKnownHostsFile DIR/known_hosts")
		_, err := dial(t, cfg, Options{})
		require.NoError(t, err)
	})
	t.Run("another alias", func(t *testing.T) {
		s := newUnknownServer(t).run()
		s.know("NAME", "host_ed25519")
		requireHostKeyError(t, s.dial("HostKeyAlias elsewhere"), "not in known_hosts")
	})
}

func TestLinesThatCannotBeReadAreLeftOut(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	s.write("known_hosts", "host ssh-future AAAAB3Nza\n\nnonsense\n")
	s.know("NAME", "host_ed25519")
	require.NoError(t, s.dial("StrictHostKeyChecking yes"))

	s.keygen("old", "ed25519")
	s.write("known_hosts", "nonsense\n")
	s.know("NAME", "old")
	requireHostKeyError(t, s.dial(), s.path("known_hosts")+":2")
}

func TestRevokedKey(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	s.know("NAME", "host_ed25519")
	s.know("@revoked *", "host_ed25519")
	requireHostKeyError(t, s.dial("StrictHostKeyChecking no"), "@revoked at "+s.path("known_hosts")+":2")
}

func TestHostCertificate(t *testing.T) {
	t.Parallel()
	newServer := func(t *testing.T, keyType, caType string, sign ...string) *testServer {
		s := newUnknownServer(t, "HostKey DIR/host", "HostCertificate DIR/host-cert.pub")
		s.keygen("host", keyType)
		s.keygen("ca", caType)
		s.keygen("other_ca", "ed25519")
		sign = append([]string{"-q", "-s", s.path("ca"), "-I", "host", "-h", "-n", "127.0.0.1"}, sign...)
		command(t, "ssh-keygen", append(sign, s.path("host.pub"))...)
		return s.run()
	}
	for _, types := range [][2]string{{"ed25519", "ed25519"}, {"rsa", "ed25519"}, {"ecdsa", "rsa"}} {
		t.Run(strings.Join(types[:], " signed by "), func(t *testing.T) {
			s := newServer(t, types[0], types[1])
			s.know("@cert-authority 127.*,NAME", "ca")
			require.NoError(t, s.dial("StrictHostKeyChecking yes"))
		})
	}
	t.Run("unknown authority", func(t *testing.T) {
		s := newServer(t, "ed25519", "ed25519")
		s.know("@cert-authority NAME", "other_ca")
		requireHostKeyError(t, s.dial(), "not in known_hosts")
		s.know("NAME", "host")
		require.NoError(t, s.dial(), "the key in the certificate is known")
	})
	t.Run("expired", func(t *testing.T) {
		s := newServer(t, "ed25519", "ed25519", "-V", "20200101:20210101")
		s.know("@cert-authority NAME", "ca")
		requireHostKeyError(t, s.dial("StrictHostKeyChecking no"), "expired")
		s.know("NAME", "host")
		require.NoError(t, s.dial(), "the key in the certificate is known")
	})
	t.Run("another name", func(t *testing.T) {
		s := newServer(t, "ed25519", "ed25519", "-n", "elsewhere")
		s.know("@cert-authority NAME", "ca")
		requireHostKeyError(t, s.dial("StrictHostKeyChecking no"), "principal")
	})
	t.Run("revoked authority", func(t *testing.T) {
		s := newServer(t, "ed25519", "ed25519")
		s.know("@cert-authority NAME", "ca")
		s.know("NAME", "host")
		requireHostKeyError(t, s.dial("RevokedHostKeys DIR/ca.pub"), "RevokedHostKeys")
		s.know("@revoked *", "ca")
		requireHostKeyError(t, s.dial("StrictHostKeyChecking no"), "@revoked")
	})
	t.Run("weak signature", func(t *testing.T) {
		s := newServer(t, "ed25519", "rsa")
		s.know("@cert-authority NAME", "ca")
		requireHostKeyError(t, s.dial("CASignatureAlgorithms ssh-ed25519"), "CASignatureAlgorithms")
	})
}

func TestRequiredRSASize(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t, "HostKey DIR/host_rsa")
	s.keygen("host_rsa", "rsa")
	s.run()
	s.know("NAME", "host_rsa")
	requireHostKeyError(t, s.dial("RequiredRSASize 3072"), "it has 2048 bits")
	require.NoError(t, s.dial("RequiredRSASize 2048"))
}

func TestKnownHostsCommand(t *testing.T) {
	t.Parallel()
	s := newUnknownServer(t).run()
	s.keygen("other", "ed25519")
	s.write("keys", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, s.read("host_ed25519.pub")))
	s.write("wrong", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, s.read("other.pub")))
	s.write("ask", "#!/bin/sh\necho \"$@\" >>DIR/asked\ncat \"$1\"\n")
	s.write("ask", strings.ReplaceAll(s.read("ask"), "DIR", s.dir))
	require.NoError(t, os.Chmod(s.path("ask"), 0o700))

	require.NoError(t, s.dial("KnownHostsCommand DIR/ask DIR/keys %I %H %t"))
	require.Equal(t, fmt.Sprintf("%[1]s/keys ORDER [127.0.0.1]:%[2]d NONE\n%[1]s/keys HOSTNAME [127.0.0.1]:%[2]d ssh-ed25519\n",
		s.dir, s.port), s.read("asked"))
	requireHostKeyError(t, s.dial("KnownHostsCommand DIR/ask DIR/wrong"), "KnownHostsCommand:1")
	err := s.dial("KnownHostsCommand DIR/ask DIR/missing")
	require.ErrorContains(t, err, "KnownHostsCommand")
	require.True(t, IsPermanent(err))
}

// turncoat is a host key that becomes another one after the first exchange.
type turncoat struct {
	first, other ssh.Signer
	used         atomic.Bool
}

func (k *turncoat) now() ssh.Signer {
	if k.used.Load() {
		return k.other
	}
	return k.first
}

func (k *turncoat) PublicKey() ssh.PublicKey { return k.now().PublicKey() }

func (k *turncoat) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	defer k.used.Store(true)
	return k.now().Sign(rand, data)
}

func TestAnotherKeyWithinAConnection(t *testing.T) {
	t.Parallel()
	config := &ssh.ServerConfig{NoClientAuth: true}
	cfg := startServer(t, config)
	config.AddHostKey(&turncoat{first: newSigner(t), other: newSigner(t)})
	cfg.RekeyLimit = 10_000
	client, err := dial(t, cfg, Options{})
	require.NoError(t, err)
	channel, err := client.OpenChannel(testContext(t))
	require.NoError(t, err)
	_, _ = channel.Write(make([]byte, 100_000))
	select {
	case <-client.done:
	case <-testContext(t).Done():
		t.Fatal("the connection goes on")
	}
	require.ErrorContains(t, client.err, "another key within the connection")
}
