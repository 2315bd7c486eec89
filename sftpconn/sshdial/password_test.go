package sshdial

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// passwordMethods runs test with both ways in which servers ask for passwords.
func passwordMethods(t *testing.T, test func(t *testing.T, server *passwordServer, cfg Config)) {
	t.Run("password", func(t *testing.T) {
		server := &passwordServer{password: "right"}
		test(t, server, startServer(t, server.config()))
	})
	t.Run("keyboard-interactive", func(t *testing.T) {
		server := &passwordServer{password: "right"}
		test(t, server, startServer(t, server.interactive("")))
	})
}

func TestTypedPassword(t *testing.T) {
	t.Parallel()
	passwordMethods(t, func(t *testing.T, server *passwordServer, cfg Config) {
		p := &prompter{t: t, answers: []string{"wrong", "right"}}
		d := newNativeWay(cfg, Options{Prompter: p, Logger: testLogger(t)})
		for range 2 {
			client, err := d.Dial(testContext(t))
			require.NoError(t, err)
			require.NoError(t, client.Close())
		}
		require.Equal(t, []string{"wrong", "right", "right"}, server.tries())
		require.Contains(t, p.asked[0], "me@127.0.0.1")

		// Once it is refused, it is not sent again.
		server.mu.Lock()
		server.password = "new"
		server.mu.Unlock()
		for range 2 {
			_, err := d.Dial(testContext(t))
			require.True(t, IsPermanent(err), err)
			require.NotContains(t, err.Error(), "right")
		}
		require.Len(t, server.tries(), 4)
	})
}

func TestGivenPassword(t *testing.T) {
	t.Parallel()
	passwordMethods(t, func(t *testing.T, server *passwordServer, cfg Config) {
		given := []byte("right")
		d := newNativeWay(cfg, Options{Password: given, Prompter: &prompter{t: t}, Logger: testLogger(t)})
		clear(given)
		for range 2 {
			client, err := d.Dial(testContext(t))
			require.NoError(t, err)
			require.NoError(t, client.Close())
		}
		require.Equal(t, []string{"right", "right"}, server.tries())
		require.NoError(t, d.Close())
	})
}

func TestWrongGivenPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	passwordMethods(t, func(t *testing.T, server *passwordServer, cfg Config) {
		d := newNativeWay(cfg, Options{Password: []byte("wrong"), Prompter: &prompter{t: t}, Logger: testLogger(t)})
		for range 2 {
			_, err := d.Dial(testContext(t))
			var refused *authError
			require.ErrorAs(t, err, &refused)
			require.True(t, IsPermanent(err))
			t.Log(err)
		}
		require.Equal(t, []string{"wrong"}, server.tries())
	})
}

func TestPasswordIsAskedThreeTimes(t *testing.T) {
	t.Parallel()
	passwordMethods(t, func(t *testing.T, server *passwordServer, cfg Config) {
		p := &prompter{t: t, answers: []string{"a", "b", "c"}}
		_, err := dial(t, cfg, Options{Prompter: p})
		require.True(t, IsPermanent(err))
		require.Equal(t, []string{"a", "b", "c"}, server.tries())
	})
}

func TestNobodyToAskForThePassword(t *testing.T) {
	t.Parallel()
	passwordMethods(t, func(t *testing.T, server *passwordServer, cfg Config) {
		_, err := dial(t, cfg, Options{})
		require.ErrorContains(t, err, "nobody can be asked")
		require.True(t, IsPermanent(err))
		require.Empty(t, server.tries())
	})
}

func TestPasswordAuthenticationNo(t *testing.T) {
	t.Parallel()
	server := &passwordServer{password: "right"}
	cfg := startServer(t, server.config())
	cfg.PasswordAuthentication = false
	_, err := dial(t, cfg, Options{Password: []byte("right")})
	require.ErrorContains(t, err, "nothing could be tried; the server offers password")
}

// TestSecondFactorIsNotReplayed: a one-time code is good for one login only,
// and trying again locks accounts.
func TestSecondFactorIsNotReplayed(t *testing.T) {
	t.Parallel()
	server := &passwordServer{password: "right"}
	cfg := startServer(t, server.interactive("123"))
	p := &prompter{t: t, answers: []string{"right", "123"}}
	d := newNativeWay(cfg, Options{Prompter: p, Logger: testLogger(t)})
	client, err := d.Dial(testContext(t))
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.Equal(t, "Second ?[2Jstep\nLook at your token\n(me@127.0.0.1) Code: ", p.asked[1])

	_, err = d.Dial(testContext(t))
	require.True(t, IsPermanent(err))
	require.ErrorContains(t, err, "not repeated")
	require.Equal(t, []string{"right"}, server.tries())
}

// TestGivenPasswordAndSecondFactor has the code typed, but not the password.
func TestGivenPasswordAndSecondFactor(t *testing.T) {
	t.Parallel()
	server := &passwordServer{password: "right"}
	cfg := startServer(t, server.interactive("123"))
	p := &prompter{t: t, answers: []string{"123"}}
	_, err := dial(t, cfg, Options{Prompter: p, Password: []byte("right")})
	require.NoError(t, err)
}

// TestKeyAndPassword is a server that wants both.
func TestKeyAndPassword(t *testing.T) {
	t.Parallel()
	s := startSSHD(t) // for its keys only
	s.keygen("id", "ed25519")
	server := &passwordServer{password: "right"}
	cfg := startServer(t, &ssh.ServerConfig{
		PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
				PasswordCallback: server.config().PasswordCallback,
			}}
		},
	})
	cfg.IdentityFile = []string{s.path("id")}
	_, err := dial(t, cfg, Options{Prompter: &prompter{t: t, answers: []string{"right"}}})
	require.NoError(t, err)

	_, err = dial(t, cfg, Options{Password: []byte("wrong")})
	require.ErrorContains(t, err, "tried publickey (id), password")
}

// A password that was given answers one question. The next one is not the user's to
// answer either, who was not asked for the first.
func TestGivenPasswordAnswersOnce(t *testing.T) {
	t.Parallel()
	var server passwordServer
	cfg := startServer(t, &ssh.ServerConfig{
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for {
				answers, err := ask("", "", []string{"Password: "}, []bool{false})
				if err != nil {
					return nil, err
				}
				_ = server.check(answers[0])
			}
		},
	})
	p := &prompter{t: t, answers: []string{"typed"}}
	_, err := dial(t, cfg, Options{Password: []byte("right"), Prompter: p})
	require.Error(t, err)
	require.Empty(t, p.asked)
	require.Equal(t, []string{"right"}, server.tries())
}
