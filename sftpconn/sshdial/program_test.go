package sshdial

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programWay resolves the host "box" with the ssh program as transport.
func (s *testServer) programWay(opts Options, sshConfig ...string) (Way, Config) {
	s.t.Helper()
	s.resolve(sshConfig...)
	opts.Host, opts.ConfigFile, opts.Logger = "box", s.path("ssh_config"), testLogger(s.t)
	if len(opts.Command) == 0 {
		opts.Transport = TransportSSH
	}
	cfg, err := Resolve(testContext(s.t), opts)
	require.NoError(s.t, err)
	return NewWay(cfg, opts), cfg
}

// startSFTP opens a channel and sees that it speaks SFTP.
func startSFTP(t *testing.T, transport Transport) (io.ReadWriteCloser, error) {
	t.Helper()
	channel, err := transport.OpenChannel(testContext(t))
	if err != nil {
		return nil, err
	}
	if _, err = channel.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3}); err != nil {
		return nil, err // the program may have ended already
	}
	answer := make([]byte, 5)
	if _, err = io.ReadFull(channel, answer); err != nil {
		return nil, err
	}
	require.EqualValues(t, 2, answer[4], "SSH_FXP_VERSION")
	return channel, nil
}

// privateFolders returns those below the folder for temporary files.
func privateFolders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(os.TempDir() + "/sftpmount-*")
	require.NoError(t, err)
	return found
}

func TestProgram(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newKnownServer(t)
	way, _ := s.programWay(Options{})
	defer way.Close()
	for range 2 { // a redial is like the first time
		transport, err := way.Dial(testContext(t))
		require.NoError(t, err)
		require.Len(t, privateFolders(t), 1)
		info, err := os.Stat(privateFolders(t)[0])
		require.NoError(t, err)
		require.EqualValues(t, 0o700, info.Mode().Perm())
		for range 3 { // the first is the master
			channel, err := startSFTP(t, transport)
			require.NoError(t, err)
			if channel != transport.(*controlConn).master {
				require.NoError(t, channel.Close())
			}
		}
		require.Len(t, transport.(*controlConn).channels, 1, "what is left of those that were closed")
		require.Equal(t, 1, s.connections())
		require.NoError(t, transport.Ping())
		require.NoError(t, transport.Close())
		require.Error(t, transport.Ping())
		require.Empty(t, privateFolders(t))
		require.Eventually(t, func() bool { return s.connections() == 0 }, testTimeout, testTick)
	}

	transport := dialWay(t, way)
	channel, err := startSFTP(t, transport)
	require.NoError(t, err)
	s.hangUp()
	_, err = io.Copy(io.Discard, channel)
	require.ErrorIs(t, err, io.EOF)
	require.Error(t, transport.Ping())
}

func TestProgramThatTheServerLimits(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "MaxSessions 1")
	way, _ := s.programWay(Options{})
	transport := dialWay(t, way)
	_, err := startSFTP(t, transport)
	require.NoError(t, err)
	_, err = startSFTP(t, transport)
	require.Error(t, err)
	require.Equal(t, 1, s.connections(), "it makes no connection of its own")
}

func TestProgramFailures(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t, "#Subsystem")
	way, _ := s.programWay(Options{})
	transport, err := way.Dial(testContext(t))
	if err == nil { // the program has logged in, and has not ended yet
		_, err = startSFTP(t, transport)
		require.NoError(t, transport.Close())
	}
	require.ErrorIs(t, err, errNoSubsystem)

	way, _ = s.programWay(Options{Subsystem: "/usr/lib/openssh/sftp-server"})
	_, err = startSFTP(t, dialWay(t, way))
	require.NoError(t, err)

	for name, test := range map[string]struct {
		config    string
		cause     Cause
		permanent bool
	}{
		"refused":   {fmt.Sprintf("Port %d", freePort(t)), CauseRefused, false},
		"unknown":   {"HostName nowhere.invalid", CauseUnknownHost, false},
		"no key":    {"PubkeyAuthentication no", CauseLogin, true},
		"host key":  {"StrictHostKeyChecking yes\nUserKnownHostsFile /dev/null", CauseHostKey, true},
		"algorithm": {"Ciphers 3des-cbc", CauseAlgorithms, true},
	} {
		t.Run(name, func(t *testing.T) {
			way, _ := s.programWay(Options{}, strings.Split("Host box\n"+test.config, "\n")...)
			_, err := way.Dial(testContext(t))
			require.Error(t, err)
			t.Log(err)
			require.Equal(t, test.cause, CauseOf(err))
			require.Equal(t, test.permanent, IsPermanent(err))
		})
	}
	missing, _ := s.programWay(Options{Command: []string{"/does/not/exist"}})
	_, err = missing.Dial(testContext(t))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The program's questions are asked once. What can be told again is, to a
// server that has not refused it.
func TestProgramAsks(t *testing.T) {
	t.Parallel()
	s := startSSHD(t).run()
	s.keygen("id", "ed25519", "-N", "open sesame")
	s.allow("id")
	asked := &prompter{t: t, answers: []string{"yes", "wrong", "open sesame"}}
	way, _ := s.programWay(Options{Prompter: asked})
	defer way.Close()
	for range 2 {
		transport, err := way.Dial(testContext(t))
		require.NoError(t, err)
		_, err = startSFTP(t, transport)
		require.NoError(t, err)
		require.NoError(t, transport.Close())
	}
	require.Len(t, asked.asked, 3)
	require.Contains(t, asked.asked[0], "(yes/no")
	require.Contains(t, asked.asked[1], "Enter passphrase for key '"+s.path("id")+"'")

	nobody, _ := s.programWay(Options{})
	_, err := nobody.Dial(testContext(t))
	require.Equal(t, CauseLogin, CauseOf(err))
	s.write("known_hosts", "")
	nobody, _ = s.programWay(Options{})
	_, err = nobody.Dial(testContext(t))
	require.Equal(t, CauseHostKey, CauseOf(err))

	broken, _ := s.programWay(Options{Prompter: interrupter{}})
	_, err = broken.Dial(testContext(t))
	require.ErrorIs(t, err, ErrInterrupted)
}

// A token's PIN is asked for once, like a passphrase.
func TestProgramUsesToken(t *testing.T) {
	s := startSSHD(t).run()
	s.keygen("id", "ecdsa", "-m", "PKCS8")
	s.allow("id")
	require.NoError(t, os.Mkdir(s.path("tokens"), 0o700))
	s.write("softhsm2.conf", "directories.tokendir = "+s.path("tokens")+"\n")
	t.Setenv("SOFTHSM2_CONF", s.path("softhsm2.conf"))
	command(t, "softhsm2-util", "--init-token", "--free", "--label", "mine", "--pin", "1234", "--so-pin", "5678")
	command(t, "softhsm2-util", "--import", s.path("id"), "--token", "mine", "--label", "key", "--id", "01", "--pin", "1234")
	require.NoError(t, os.Remove(s.path("id")))

	asked := &prompter{t: t, answers: []string{"yes", "1234"}}
	way, _ := s.programWay(Options{Prompter: asked}, "PKCS11Provider /usr/lib/softhsm/libsofthsm2.so")
	defer way.Close()
	for range 2 {
		transport, err := way.Dial(testContext(t))
		require.NoError(t, err)
		require.NoError(t, transport.Close())
	}
	require.Len(t, asked.asked, 2)
	require.Contains(t, asked.asked[1], "Enter PIN for 'mine'")
}

func TestProgramIsGivenThePassword(t *testing.T) {
	t.Parallel()
	server := &passwordServer{password: "right"}
	for name, test := range map[string]struct {
		password string
		code     string
		redials  bool
	}{
		"right": {"right", "", true}, "wrong": {"wrong", "", false}, "second factor": {"right", "1234", false},
	} {
		t.Run(name, func(t *testing.T) {
			config := server.config()
			asked := &prompter{t: t}
			if test.code != "" {
				config = server.interactive(test.code)
				asked.answers = []string{test.code}
			}
			cfg := startServer(t, config)
			before := len(server.tries())
			opts := Options{
				Host: "127.0.0.1", Port: cfg.Port, User: "me", ConfigFile: "none", Transport: TransportSSH,
				Password: []byte(test.password), Prompter: asked, Logger: testLogger(t),
				Overrides: []string{"UserKnownHostsFile=" + cfg.UserKnownHostsFile[0], "StrictHostKeyChecking=accept-new", "IdentityAgent=none"},
			}
			cfg, err := Resolve(testContext(t), opts)
			require.NoError(t, err)
			way := NewWay(cfg, opts)
			defer way.Close()
			for round := range 2 {
				transport, err := way.Dial(testContext(t))
				if test.password != "right" || round > 0 && !test.redials {
					require.Error(t, err)
					require.True(t, IsPermanent(err))
					continue
				}
				require.NoError(t, err)
				t.Cleanup(func() { _ = transport.Close() })
				given := givenToChildren(t)
				require.NotEmpty(t, given)
				for _, given := range given {
					require.NotContains(t, given, test.password+"\x00")
				}
				require.NoError(t, transport.Close())
			}
			want := 1
			if test.redials {
				want = 2
			}
			require.Len(t, server.tries()[before:], want)
		})
	}
}

// givenToChildren returns the arguments and the environment of each child that has not
// ended.
func givenToChildren(t *testing.T) (given []string) {
	t.Helper()
	for _, pid := range strings.Fields(command(t, "sh", "-c", fmt.Sprintf("cat /proc/%d/task/*/children", os.Getpid()))) {
		arguments, err := os.ReadFile("/proc/" + pid + "/cmdline")
		environment, errEnv := os.ReadFile("/proc/" + pid + "/environ")
		if err == nil && errEnv == nil && len(arguments) > 0 {
			given = append(given, string(arguments)+string(environment))
		}
	}
	return given
}

// A program of which nothing is known carries one channel.
func TestPlainProgram(t *testing.T) {
	t.Parallel()
	s := newKnownServer(t)
	script := s.path("wrapper")
	s.write("wrapper", "#!/bin/sh\n[ \"$1\" = word ] && [ \"$2\" != -V ] || exit 9\nshift\necho hello >&2\nexec ssh \"$@\"\n")
	require.NoError(t, os.Chmod(script, 0o700))
	way, _ := s.programWay(Options{Command: []string{script, "word"}})
	for range 2 {
		transport := dialWay(t, way)
		_, err := startSFTP(t, transport)
		require.NoError(t, err)
		_, err = transport.OpenChannel(testContext(t))
		require.ErrorIs(t, err, errOneChannel)
		require.NoError(t, transport.Close())
	}
	way, _ = s.programWay(Options{Command: []string{script, "another"}})
	_, err := startSFTP(t, dialWay(t, way))
	require.ErrorContains(t, err, "exit status 9")
}

func TestWhatNeedsTheProgram(t *testing.T) {
	t.Setenv("KRB5CCNAME", filepath.Join(t.TempDir(), "none"))
	withAndWithoutSSH(t, func(t *testing.T) {
		dir := t.TempDir()
		// The key of OpenSSH's regression tests for tokens.
		public := "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEX/dQ0v4127bEo8eeG1EV0ApO2lWbSnN6RWusn/NjqIAAAABHNzaDo= token\n"
		require.NoError(t, os.WriteFile(dir+"/token.pub", []byte(public), 0o600))
		require.NoError(t, os.WriteFile(dir+"/token", nil, 0o600))
		hasSSH := os.Getenv("PATH") != ""
		for line, want := range map[string]string{
			"Compression yes":                "Compression yes",
			"GSSAPIAuthentication yes":       "", // Debian's default
			"ProxyUseFdpass yes":             "ProxyUseFdpass yes",
			"IdentityFile " + dir + "/token": "IdentityFile " + dir + "/token, a key on a security token",
			"Port 22":                        "",
		} {
			opts := Options{Host: "h", ConfigFile: writeConfig(t, line, "IdentityAgent none")}
			cfg, err := Resolve(testContext(t), opts)
			require.NoError(t, err)
			if !hasSSH {
				want = ""
			}
			require.Equal(t, want, cfg.Program, line)
			opts.Transport = TransportNative
			cfg, err = Resolve(testContext(t), opts)
			require.NoError(t, err)
			require.Empty(t, cfg.Program)
		}
		if hasSSH {
			cfg, err := Resolve(testContext(t), Options{Host: "h", ConfigFile: "none", Overrides: []string{"GSSAPIAuthentication=yes"}})
			require.NoError(t, err)
			require.Equal(t, "GSSAPIAuthentication yes", cfg.Program)
		}
	})
}

// Whether there is a ticket is for klist to say, which knows where it is.
func TestTickets(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KRB5CCNAME", "KCM:")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	config := writeConfig(t, "GSSAPIAuthentication yes", "IdentityAgent none")
	for script, want := range map[string]string{
		"test $1 = -s": "GSSAPIAuthentication yes",
		"exit 1":       "",
	} {
		require.NoError(t, os.WriteFile(dir+"/klist", []byte("#!/bin/sh\n"+script+"\n"), 0o700))
		cfg, err := Resolve(testContext(t), Options{Host: "h", ConfigFile: config})
		require.NoError(t, err)
		require.Equal(t, want, cfg.Program, script)
	}
}

func TestControlDirIsShort(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	require.NoError(t, os.Mkdir(long, 0o700))
	t.Setenv("TMPDIR", long)
	dir, err := newControlDir()
	require.NoError(t, err)
	defer os.Remove(dir)
	require.NotContains(t, dir, long)
	left, err := os.ReadDir(long)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A program that does not log in is not waited for.
func TestProgramThatHangs(t *testing.T) {
	t.Parallel()
	cfg := silent(t, "")
	cfg.Program, cfg.openSSH = "test", true
	way := NewWay(cfg, Options{Port: cfg.Port, ConfigFile: "none"}).(*programWay)
	way.cfg.ConnectTimeout = 300*time.Millisecond - minAuthTimeout
	_, err := way.Dial(testContext(t))
	require.Equal(t, CauseTimeout, CauseOf(err))
}

// The program leaves the directory that it was started in.
func TestProgramPathsAreAbsolute(t *testing.T) {
	t.Chdir("/usr")
	way := newProgramWay(Config{Host: "h"}, Options{Command: []string{"bin/ssh", "-v"}, ConfigFile: "config"})
	require.Equal(t, []string{"/usr/bin/ssh", "-v"}, way.command)
	require.Equal(t, []string{"-F", "/usr/config"}, way.options)
}
