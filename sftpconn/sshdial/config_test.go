package sshdial

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// withAndWithoutSSH runs test with the answers of the ssh program, and without
// one in the PATH.
func withAndWithoutSSH(t *testing.T, test func(t *testing.T)) {
	t.Run("ssh -G", test)
	t.Run("files", func(t *testing.T) {
		t.Setenv("PATH", "")
		test(t)
	})
}

func writeConfig(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	text := strings.ReplaceAll(strings.Join(lines, "\n")+"\n", "DIR", filepath.Dir(path))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// wholeConfig sets most of what is read of a configuration.
var wholeConfig = []string{
	"Host alias other",
	"HostName server.example.com",
	"Port 2222",
	"User me",
	"IdentityFile ~/.ssh/my_key",
	"IdentityFile %d/%r@%h",
	`IdentityFile "/with a/space"`,
	"IdentityFile ${KEYS}/%n",
	"CertificateFile /certs/%u.pub",
	`UserKnownHostsFile /known/one /known/%h "/known hosts/file"`,
	"GlobalKnownHostsFile /dev/null",
	"StrictHostKeyChecking accept-new",
	"HostKeyAlias name",
	"ConnectTimeout 7",
	"ServerAliveInterval 15",
	"ServerAliveCountMax 5",
	"AddressFamily inet6",
	"BindAddress ::1",
	"IdentitiesOnly yes",
	"BatchMode yes",
	"NumberOfPasswordPrompts 1",
	"PreferredAuthentications password,publickey",
	"PubkeyAuthentication no",
	"ProxyJump none",
	"Host *",
	"User nobody",
	"HashKnownHosts yes",
}

func TestResolve(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		t.Setenv("SSH_AUTH_SOCK", "/run/agent")
		t.Setenv("KEYS", "/keys")
		local := newLocalUser()
		cfg, err := Resolve(testContext(t), Options{Host: "alias", ConfigFile: writeConfig(t, wholeConfig...)})
		require.NoError(t, err)
		require.Equal(t, "alias", cfg.Host)
		require.Equal(t, "server.example.com", cfg.HostName)
		require.Equal(t, 2222, cfg.Port)
		require.Equal(t, "me", cfg.User)
		require.Equal(t, []string{
			local.home + "/.ssh/my_key", local.home + "/me@server.example.com", "/with a/space", "/keys/alias",
		}, cfg.IdentityFile)
		require.False(t, cfg.DefaultIdentities)
		require.Equal(t, []string{"/certs/" + local.name + ".pub"}, cfg.CertificateFile)
		require.Equal(t, []string{"/known/one", "/known/server.example.com", "/known hosts/file"}, cfg.UserKnownHostsFile)
		require.Equal(t, []string{"/dev/null"}, cfg.GlobalKnownHostsFile)
		require.Equal(t, "accept-new", cfg.StrictHostKeyChecking)
		require.Equal(t, "name", cfg.HostKeyAlias)
		require.Equal(t, 7*time.Second, cfg.ConnectTimeout)
		require.Equal(t, 15*time.Second, cfg.ServerAliveInterval)
		require.Equal(t, 5, cfg.ServerAliveCountMax)
		require.Equal(t, "inet6", cfg.AddressFamily)
		require.Equal(t, "::1", cfg.BindAddress)
		require.Equal(t, "/run/agent", cfg.IdentityAgent)
		require.True(t, cfg.IdentitiesOnly)
		require.True(t, cfg.BatchMode)
		require.True(t, cfg.HashKnownHosts)
		require.Equal(t, 1, cfg.NumberOfPasswordPrompts)
		require.Equal(t, []string{"password", "publickey"}, cfg.PreferredAuthentications)
		require.False(t, cfg.PubkeyAuthentication)
	})
}

func TestResolveDefaults(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		t.Setenv("SSH_AUTH_SOCK", "")
		cfg, err := Resolve(testContext(t), Options{Host: "Example.com", ConfigFile: "none"})
		require.NoError(t, err)
		home := newLocalUser().home
		require.Equal(t, 22, cfg.Port)
		require.Equal(t, newLocalUser().name, cfg.User)
		require.Equal(t, "any", cfg.AddressFamily)
		require.Equal(t, "ask", cfg.StrictHostKeyChecking)
		require.Equal(t, defaultConnectTimeout, cfg.ConnectTimeout)
		require.Equal(t, 3, cfg.NumberOfPasswordPrompts)
		require.True(t, cfg.DefaultIdentities)
		require.Contains(t, cfg.IdentityFile, home+"/.ssh/id_ed25519")
		require.Equal(t, home+"/.ssh/known_hosts", cfg.UserKnownHostsFile[0])
		require.True(t, cfg.PubkeyAuthentication && cfg.PasswordAuthentication && cfg.KbdInteractiveAuthentication)
		require.Empty(t, cfg.IdentityAgent)

		require.Equal(t, []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519}, cfg.KexAlgorithms[:2])
		require.Equal(t, hasFastGCM(), strings.Contains(cfg.Ciphers[0], "gcm"))
		insecure := ssh.InsecureAlgorithms()
		for _, weak := range slices.Concat(insecure.Ciphers, insecure.KeyExchanges, insecure.MACs, insecure.HostKeys) {
			require.NotContains(t, slices.Concat(cfg.Ciphers, cfg.KexAlgorithms, cfg.MACs,
				cfg.HostKeyAlgorithms, cfg.PubkeyAcceptedAlgorithms, cfg.CASignatureAlgorithms), weak)
		}
	})
}

func TestCommandLineComesFirst(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		path := writeConfig(t, "User file", "Port 1", "IdentityFile /file", "ConnectTimeout 9")
		cfg, err := Resolve(testContext(t), Options{
			Host: "h", User: "line", Port: 3, ConfigFile: path,
			Overrides: []string{"IdentityFile=line", "connecttimeout 4", "HostName=real"},
		})
		require.NoError(t, err)
		require.Equal(t, "line", cfg.User)
		require.Equal(t, 3, cfg.Port)
		require.Equal(t, "real", cfg.HostName)
		here, err := os.Getwd()
		require.NoError(t, err)
		require.Equal(t, []string{here + "/line", "/file"}, cfg.IdentityFile, "paths stay valid in another directory")
		require.Equal(t, 4*time.Second, cfg.ConnectTimeout)
	})
}

func TestIncludeAndMatch(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		included := writeConfig(t, "Host box", "HostName included", "Port 99")
		path := writeConfig(t, "Include "+included, "Match host included,box", "User matched", "Match all", "User other")
		cfg, err := Resolve(testContext(t), Options{Host: "box", ConfigFile: path})
		require.NoError(t, err)
		require.Equal(t, "included", cfg.HostName)
		require.Equal(t, 99, cfg.Port)
		if os.Getenv("PATH") != "" {
			require.Equal(t, "matched", cfg.User)
		}
	})
}

func TestMatchThatCannotBeReadIsAnError(t *testing.T) {
	t.Setenv("PATH", "")
	path := writeConfig(t, "Match user root", "Port 5")
	_, err := Resolve(testContext(t), Options{Host: "box", ConfigFile: path})
	require.ErrorContains(t, err, "Match")
	require.ErrorContains(t, err, path)
}

func TestNamedAlgorithms(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		resolve := func(lines ...string) (Config, error) {
			return Resolve(testContext(t), Options{Host: "h", ConfigFile: writeConfig(t, lines...)})
		}
		cfg, err := resolve("Ciphers aes256-ctr,chacha20-poly1305@openssh.com",
			"KexAlgorithms curve25519-sha256@libssh.org,diffie-hellman-group14-sha1",
			"MACs umac-64@openssh.com,hmac-sha2-512",
			"HostKeyAlgorithms +ssh-rsa",
			"PubkeyAcceptedAlgorithms -ecdsa*")
		require.NoError(t, err)
		require.Equal(t, []string{"aes256-ctr", "chacha20-poly1305@openssh.com"}, cfg.Ciphers)
		require.Equal(t, []string{"curve25519-sha256", "diffie-hellman-group14-sha1"}, cfg.KexAlgorithms)
		require.Equal(t, []string{"hmac-sha2-512"}, cfg.MACs)
		require.Equal(t, "ssh-rsa", cfg.HostKeyAlgorithms[len(cfg.HostKeyAlgorithms)-1])
		require.NotContains(t, cfg.PubkeyAcceptedAlgorithms, "ecdsa-sha2-nistp256")
		require.Contains(t, cfg.PubkeyAcceptedAlgorithms, "ssh-ed25519")

		_, err = resolve("MACs umac-64@openssh.com,umac-128@openssh.com")
		require.ErrorContains(t, err, "MACs names umac-64@openssh.com,umac-128@openssh.com, of which none is supported")
		require.True(t, IsPermanent(err))
	})
}

func TestNamesThatAreRefused(t *testing.T) {
	for _, o := range []Options{
		{}, {Host: "-oProxyCommand=x"}, {Host: "h", User: "-l"}, {Host: "h;id"}, {Host: "h\n"},
		{Host: "h", User: "a`id`"}, {Host: "h", User: "a -b"}, {Host: "h", Port: 70000},
	} {
		_, err := Resolve(testContext(t), o)
		require.Error(t, err, "%+v", o)
		require.True(t, IsPermanent(err))
	}
	for _, o := range []Options{{Host: "::1"}, {Host: "fe80::1%eth0"}, {Host: "a-b_c"}, {Host: "h", User: `DOM\me`}} {
		o.ConfigFile = "none"
		require.NoError(t, o.validate(), "%+v", o)
	}
}

func TestWrongConfiguration(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		for _, o := range []Options{
			{Host: "h", ConfigFile: "/does/not/exist"},
			{Host: "h", ConfigFile: "none", Overrides: []string{"Port=many"}},
			{Host: "h", ConfigFile: "none", Overrides: []string{"Nonsense"}},
			{Host: "h", ConfigFile: "none", Overrides: []string{"StrictHostKeyChecking=perhaps"}},
		} {
			_, err := Resolve(testContext(t), o)
			require.Error(t, err, "%+v", o)
			require.True(t, IsPermanent(err))
			t.Log(err)
		}
	})
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": time.Hour, "none": time.Hour, "0": 0, "90": 90 * time.Second, "1m30s": 90 * time.Second, "2h": 2 * time.Hour,
	} {
		r := settingsReader{set: settings{"k": {text}}}
		require.Equal(t, want, r.duration("k", time.Hour), text)
		require.NoError(t, r.err)
	}
	for _, text := range []string{"x", "5x", "-1", "m"} {
		r := settingsReader{set: settings{"k": {text}}}
		r.duration("k", 0)
		require.Error(t, r.err, text)
	}
}
