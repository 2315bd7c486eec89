package sshdial

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeyTypes(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	for name, args := range map[string][]string{
		"ed25519":     {"ed25519"},
		"ecdsa256":    {"ecdsa", "-b", "256"},
		"ecdsa521":    {"ecdsa", "-b", "521"},
		"rsa":         {"rsa"},
		"rsa_pem":     {"rsa", "-m", "PEM"},
		"rsa_pkcs8":   {"rsa", "-m", "PKCS8"},
		"ecdsa_pem":   {"ecdsa", "-m", "PEM"},
		"ecdsa_pkcs8": {"ecdsa", "-m", "PKCS8"},
	} {
		t.Run(name, func(t *testing.T) {
			path := s.keygen(name, args[0], args[1:]...)
			s.allow(name)
			cfg := s.resolve("IdentityFile " + path)
			cfg.IdentityFile = cfg.IdentityFile[:1]
			client, err := dial(t, cfg, Options{})
			require.NoError(t, err)
			require.NoError(t, client.Ping())
			requireSFTP(t, client)
			require.Contains(t, client.ServerVersion(), "OpenSSH")
		})
	}
}

func TestEncryptedKeys(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	for name, args := range map[string][]string{
		"openssh": {"ed25519"},
		"pem":     {"rsa", "-m", "PEM"},
		"pkcs8":   {"ecdsa", "-m", "PKCS8"},
	} {
		for _, withPublic := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/public file %v", name, withPublic), func(t *testing.T) {
				path := s.keygen(fmt.Sprint(name, withPublic), args[0], append(args[1:], "-N", "open sesame")...)
				s.allow(fmt.Sprint(name, withPublic))
				if !withPublic {
					require.NoError(t, os.Remove(path+".pub"))
				}
				cfg := s.resolve("IdentityFile " + path)
				p := &prompter{t: t, answers: []string{"wrong", "open sesame"}}
				d := newNativeWay(cfg, Options{Prompter: p, Logger: testLogger(t)})
				client, err := d.Dial(testContext(t))
				require.NoError(t, err)
				require.NoError(t, client.Close())
				require.Equal(t, "Enter passphrase for key '"+path+"': ", p.asked[1])

				// The key stays decrypted for a redial, which asks nothing.
				client, err = d.Dial(testContext(t))
				require.NoError(t, err)
				require.NoError(t, client.Close())
				require.Len(t, p.asked, 2)
			})
		}
	}
}

func TestEncryptedKeyIsOnlyDecryptedIfTheServerWantsIt(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	s.keygen("stranger", "ed25519", "-N", "secret")
	s.keygen("id", "ed25519")
	s.allow("id")
	_, err := dial(t, s.resolve("IdentityFile DIR/stranger"), Options{Prompter: &prompter{t: t}})
	require.NoError(t, err)
}

func TestPassphraseIsAskedThreeTimesAndThenTheNextKeyIsTried(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	s.keygen("locked", "ed25519", "-N", "secret")
	s.allow("locked")
	s.keygen("id", "ed25519")
	p := &prompter{t: t, answers: []string{"a", "b", "c"}}
	_, err := dial(t, s.resolve("IdentityFile DIR/locked"), Options{Prompter: p})
	require.Len(t, p.asked, 3)
	var refused *authError
	require.ErrorAs(t, err, &refused)
	require.True(t, IsPermanent(err))
	require.Equal(t, []string{"publickey (locked, id)"}, refused.Tried)
	require.Equal(t, []string{"publickey"}, refused.Offered[:1])
	require.Contains(t, err.Error(), "locked was not used without its passphrase")

	s.allow("id")
	p = &prompter{t: t, answers: []string{"a", "b", "c"}}
	_, err = dial(t, s.resolve("IdentityFile DIR/locked"), Options{Prompter: p})
	require.NoError(t, err)
}

func TestNobodyToAskForThePassphrase(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	s.keygen("id", "ed25519", "-N", "secret")
	s.allow("id")
	_, err := dial(t, s.resolve("BatchMode yes"), Options{Prompter: &prompter{t: t}})
	require.ErrorContains(t, err, "/id: it needs its passphrase, and nobody can be asked")
	require.True(t, IsPermanent(err))
}

func TestAskpass(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	s.keygen("id", "ed25519", "-N", "open sesame")
	s.allow("id")
	s.write("askpass", "#!/bin/sh\nprintf '%s\\n' \"$1\" >>"+s.path("questions")+"\necho open sesame\n")
	require.NoError(t, os.Chmod(s.path("askpass"), 0o700))
	t.Setenv("SSH_ASKPASS", s.path("askpass"))
	t.Setenv("SSH_ASKPASS_REQUIRE", "force")
	_, err := dial(t, s.resolve(), Options{Prompter: Terminal{}})
	require.NoError(t, err)
	require.Equal(t, "Enter passphrase for key '"+s.path("id")+"': \n", s.read("questions"))
}

func TestKeyThatOthersCanReadIsIgnored(t *testing.T) {
	s := startSSHD(t).run()
	s.know("NAME", "host_ed25519")
	s.keygen("id", "ed25519")
	s.allow("id")
	require.NoError(t, os.Chmod(s.path("id"), 0o644))
	err := s.dial()
	require.ErrorContains(t, err, "nothing could be tried")
	require.ErrorContains(t, err, "UNPROTECTED PRIVATE KEY FILE")
	require.ErrorContains(t, err, "0644")

	s.keygen("good", "ed25519")
	s.allow("good")
	var log bytes.Buffer
	_, err = dial(t, s.resolve("IdentityFile DIR/good"), Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.Contains(t, log.String(), "UNPROTECTED PRIVATE KEY FILE")
}

// startAgent runs an ssh-agent that holds the named keys, and returns its
// socket.
func startAgent(t *testing.T, s *testServer, keys ...string) string {
	t.Helper()
	socket := s.path("agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	require.NoError(t, agent.Start())
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", socket) // it is there before it is listened on
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, testTimeout, testTick)
	t.Setenv("SSH_AUTH_SOCK", socket)
	for _, k := range keys {
		command(t, "ssh-add", "-q", s.path(k))
	}
	return socket
}

func TestAgent(t *testing.T) {
	for _, keyType := range []string{"ed25519", "ecdsa", "rsa"} {
		t.Run(keyType, func(t *testing.T) {
			s := startSSHD(t).run()
			s.know("NAME", "host_ed25519")
			s.keygen("held", keyType)
			s.allow("held")
			socket := startAgent(t, s, "held")
			require.NoError(t, os.Remove(s.path("held")))
			client, err := dial(t, s.resolve("IdentityAgent "+socket), Options{})
			require.NoError(t, err)
			requireSFTP(t, client)
			require.NoError(t, s.dial("IdentityAgent SSH_AUTH_SOCK"))
		})
	}
}

func TestAgentThatIsGone(t *testing.T) {
	s := newKnownServer(t)
	require.NoError(t, s.dial("IdentityAgent DIR/gone"), "the key is in a file")
}

// TestIdentitiesOnly has an agent with more keys than the server allows tries.
func TestIdentitiesOnly(t *testing.T) {
	s := startSSHD(t, "MaxAuthTries 3").run()
	s.know("NAME", "host_ed25519")
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("k%d", i))
		s.keygen(names[i], "ed25519")
	}
	s.allow("k5")
	socket := startAgent(t, s, names...)
	agent := "IdentityAgent " + socket

	err := s.dial(agent)
	require.ErrorContains(t, err, "Too many authentication failures")
	require.True(t, IsPermanent(err))

	// A key that is named comes first; its private half may be in the agent
	// only.
	require.NoError(t, os.Remove(s.path("k5")))
	require.NoError(t, s.dial(agent, "IdentityFile DIR/k5"))
	require.NoError(t, s.dial(agent, "IdentityFile DIR/k5.pub", "IdentitiesOnly yes"))

	err = s.dial(agent, "IdentityFile DIR/k1", "IdentitiesOnly yes")
	var refused *authError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{"publickey (agent: k1)"}, refused.Tried)
}

func TestUserCertificate(t *testing.T) {
	s := startSSHD(t, "TrustedUserCAKeys DIR/ca.pub")
	s.keygen("ca", "ed25519")
	s.run()
	s.know("NAME", "host_ed25519")
	for _, keyType := range []string{"ed25519", "ecdsa", "rsa"} {
		t.Run(keyType, func(t *testing.T) {
			s := *s
			s.t = t
			id := "id_" + keyType
			s.keygen(id, keyType)
			command(t, "ssh-keygen", "-q", "-s", s.path("ca"), "-I", "me", "-n", s.resolve().User, s.path(id+".pub"))
			require.NoError(t, s.dial("IdentityFile DIR/"+id), "the certificate is beside the key")

			require.NoError(t, os.Rename(s.path(id+"-cert.pub"), s.path("moved_"+keyType)))
			require.Error(t, s.dial("IdentityFile DIR/"+id))
			cert := "CertificateFile DIR/moved_" + keyType
			require.NoError(t, s.dial("IdentityFile DIR/"+id, cert))

			socket := startAgent(t, &s, id)
			require.NoError(t, s.dial("IdentityAgent "+socket, cert), "the key is in the agent")
			require.NoError(t, os.Remove(socket))
		})
	}
}

func TestFailureNamesWhatWasTried(t *testing.T) {
	s := startSSHD(t, "KbdInteractiveAuthentication yes", "PasswordAuthentication yes").run()
	s.know("NAME", "host_ed25519")
	s.keygen("id", "ed25519")
	err := s.dial("PreferredAuthentications publickey")
	var refused *authError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{"publickey (id)"}, refused.Tried)
	require.Contains(t, refused.Offered, "password")
	require.False(t, strings.Contains(err.Error(), "ssh: "), err)
}
