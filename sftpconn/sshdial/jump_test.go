package sshdial

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// chain is a target behind two jump hosts, each of which takes a key of its own
// and connects to the next one only.
type chain struct {
	first, second, target *testServer
	config                []string // of ssh_config
}

func newChain(t *testing.T) *chain {
	t.Helper()
	c := &chain{target: startSSHD(t)}
	c.target.keygen("id", "ed25519")
	c.target.allow("id")
	c.target.know("NAME", "host_ed25519")
	c.target.run()
	c.second = startSSHD(t, "PermitOpen "+c.target.address())
	c.first = startSSHD(t, "PermitOpen "+c.second.address())
	for name, s := range map[string]*testServer{"first": c.first, "second": c.second} {
		s.keygen("id", "ed25519")
		s.allow("id")
		s.know("NAME", "host_ed25519")
		s.run()
		c.config = append(c.config,
			"Host "+name, "HostName 127.0.0.1", fmt.Sprintf("Port %d", s.port), "User "+newLocalUser().name,
			"IdentityFile "+s.path("id"), "IdentityAgent none", "UserKnownHostsFile "+s.path("known_hosts"),
			"GlobalKnownHostsFile none", "ConnectTimeout 5", "StrictHostKeyChecking yes")
	}
	return c
}

// resolve makes value the target's ProxyJump.
func (c *chain) resolve(value string) Config {
	return c.target.resolve(append(c.config, "Host box", "ProxyJump "+value)...)
}

func TestJumpHosts(t *testing.T) {
	c := newChain(t)
	withAndWithoutSSH(t, func(t *testing.T) {
		cfg := c.resolve("first,second")
		require.Equal(t, "second", cfg.Via.Host)
		require.Equal(t, "first", cfg.Via.Via.Host)
		require.Nil(t, cfg.Via.Via.Via)
		d := newNativeWay(cfg, Options{Logger: testLogger(t)})
		defer d.Close()
		for range 2 { // a redial goes the same way
			client, err := d.Dial(testContext(t))
			require.NoError(t, err)
			requireSFTP(t, client)
			require.NoError(t, client.Close())
		}
	})
	t.Run("further hop in the config of a hop", func(t *testing.T) {
		cfg := c.target.resolve(append([]string{"Host second", "ProxyJump first", "Host box", "ProxyJump second"}, c.config...)...)
		require.Equal(t, "first", cfg.Via.Via.Host)
		client, err := dial(t, cfg, Options{})
		require.NoError(t, err)
		requireSFTP(t, client)
	})
	t.Run("refused", func(t *testing.T) {
		_, err := dial(t, c.resolve("first"), Options{})
		require.ErrorContains(t, err, "jump host first does not connect to "+c.target.address())
		require.ErrorContains(t, err, "AllowTcpForwarding")
		require.True(t, IsPermanent(err))
	})
	t.Run("host key of a hop", func(t *testing.T) {
		known := c.second.read("known_hosts")
		defer c.second.write("known_hosts", known)
		c.second.write("known_hosts", "")
		c.second.know("NAME", "id")
		_, err := dial(t, c.resolve("first,second"), Options{})
		var wrong *hostKeyError
		require.ErrorAs(t, err, &wrong)
		require.ErrorContains(t, err, "jump host second: ")
		require.True(t, IsPermanent(err))
	})
	t.Run("a hop goes away", func(t *testing.T) {
		client, err := dial(t, c.resolve("first,second"), Options{})
		require.NoError(t, err)
		c.first.hangUp()
		select {
		case <-client.done:
		case <-testContext(t).Done():
			t.Fatal("the end was not noticed")
		}
		require.Error(t, client.Ping())
		require.NoError(t, client.Close())
	})
}

func TestJumpHostThatIsReachedThroughItself(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		_, err := Resolve(testContext(t), Options{Host: "h", ConfigFile: writeConfig(t, "Host *", "ProxyJump bastion")})
		if os.Getenv("PATH") == "" {
			require.ErrorContains(t, err, `bastion is to be reached through itself; give it "ProxyJump none"`)
		} else {
			require.ErrorContains(t, err, "jumphost loop via bastion")
		}
		require.True(t, IsPermanent(err))
	})
}

func TestParseJump(t *testing.T) {
	for text, want := range map[string]Options{
		"host":                {Host: "host"},
		"[10.0.0.1]:99":       {Host: "10.0.0.1", Port: 99},
		"me@host:22":          {Host: "host", User: "me", Port: 22},
		`DOM\me@x@[::1]:99`:   {Host: "::1", User: `DOM\me@x`, Port: 99},
		"ssh://me@host:2222/": {Host: "host", User: "me", Port: 2222},
	} {
		got, err := parseJump(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "host:many", "a/b", "me@"} {
		_, err := parseJump(text)
		require.Error(t, err, text)
	}
}

func TestProxyCommand(t *testing.T) {
	c := newChain(t)
	s := c.first
	proxied := func(command string) Config {
		return c.target.resolve(append(c.config, "Host box", "ProxyCommand "+command)...)
	}
	// The program, a real ssh, lives as long as the connection.
	script := fmt.Sprintf(`sh -c 'echo $$ >%s; echo hello there >&2; exec ssh -F %s -J first -W %%h:%%p -l %%r second'`,
		s.path("pid"), c.target.path("ssh_config"))
	withAndWithoutSSH(t, func(t *testing.T) {
		cfg := proxied(script)
		require.Contains(t, cfg.ProxyCommand, "-W 127.0.0.1:"+fmt.Sprint(c.target.port))
	})
	client, err := dial(t, proxied(script), Options{})
	require.NoError(t, err)
	requireSFTP(t, client)
	pid := strings.TrimSpace(s.read("pid"))
	require.DirExists(t, "/proc/"+pid)
	require.NoError(t, client.Close())
	require.NoDirExists(t, "/proc/"+pid)

	_, err = dial(t, proxied("sh -c 'echo no way >&2'"), Options{})
	require.ErrorContains(t, err, "no way")
	require.False(t, IsPermanent(err))
}

// "ProxyJump none" leaves room for a ProxyCommand, and "ProxyCommand none" for nothing.
func TestNoProxy(t *testing.T) {
	withAndWithoutSSH(t, func(t *testing.T) {
		for _, test := range []struct{ first, second, command string }{
			{"ProxyJump none", "ProxyCommand nc %h", "nc box"},
			{"ProxyCommand none", "ProxyCommand nc %h", ""},
		} {
			cfg, err := Resolve(testContext(t), Options{
				Host: "box", ConfigFile: writeConfig(t, "Host box", test.first, "Host *", test.second),
			})
			require.NoError(t, err)
			require.Equal(t, test.command, cfg.ProxyCommand)
			require.Nil(t, cfg.Via)
		}
	})
}

// What is relative to the directory that the program was started in stays so when
// the program has left it.
func TestRelativePathsOfPrograms(t *testing.T) {
	s := newKnownServer(t)
	s.write("connect", fmt.Sprintf("exec ssh -F %s -W 127.0.0.1:%d box\n", s.path("plain_config"), s.port))
	s.resolve()
	s.write("plain_config", s.read("ssh_config"))
	t.Setenv("TMPDIR", t.TempDir())
	t.Chdir(s.dir)
	ways := map[string]Way{}
	ways["ProxyCommand"] = NewWay(s.resolve("ProxyCommand sh ./connect"), Options{Logger: testLogger(t)})
	s.write("ssh_config", strings.ReplaceAll(s.read("plain_config"), s.path("id"), "id"))
	require.Contains(t, s.read("ssh_config"), "File id")
	opts := Options{Host: "box", ConfigFile: "./ssh_config", Transport: TransportSSH, Logger: testLogger(t)}
	cfg, err := Resolve(testContext(t), opts)
	require.NoError(t, err)
	ways["IdentityFile of the ssh program"] = NewWay(cfg, opts)
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			defer way.Close()
			t.Chdir(s.dir)
			for _, dir := range []string{s.dir, "/"} {
				require.NoError(t, os.Chdir(dir))
				transport, err := way.Dial(testContext(t))
				require.NoError(t, err, "in %s", dir)
				_, err = startSFTP(t, transport)
				require.NoError(t, err)
				require.NoError(t, transport.Close())
			}
		})
	}
}
