package sftptest_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// dialSFTP returns a client of pkg/sftp on a new connection to addr.
func dialSFTP(t testing.TB, addr string) *sftp.Client {
	t.Helper()
	transport, err := sftptest.DialTransport(t.Context(), addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = transport.Close() })
	channel, err := transport.OpenChannel(t.Context())
	require.NoError(t, err)
	client, err := sftp.NewClientPipe(channel, channel)
	require.NoError(t, err)
	return client
}

// programs runs a test against both programs that can execute requests.
func programs(t *testing.T, test func(t *testing.T, options sftptest.Options)) {
	t.Run("pkg-sftp", func(t *testing.T) { test(t, sftptest.Options{}) })
	t.Run("OpenSSH", func(t *testing.T) { test(t, sftptest.Options{OpenSSH: true}) })
}

func TestServerServesFiles(t *testing.T) {
	programs(t, func(t *testing.T, options sftptest.Options) {
		server := sftptest.NewServer(t, options)
		client := dialSFTP(t, server.Addr())
		content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)

		file, err := client.Create(filepath.Join(server.Dir(), "new"))
		require.NoError(t, err)
		_, err = file.Write(content)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		onDisk, err := os.ReadFile(filepath.Join(server.Dir(), "new"))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(content, onDisk))

		home, err := client.RealPath(".")
		require.NoError(t, err)
		assert.Equal(t, server.Dir(), home)

		requests := server.Requests()
		assert.Equal(t, 1, requests["OPEN"])
		assert.Equal(t, 1, requests["CLOSE"])
		assert.Equal(t, len(content)/(32<<10), requests["WRITE"])
		assert.Equal(t, 1, server.Connections())
	})
}

// A fault strikes exactly the request that it names: before, the server has not
// acted; after, it has.
func TestServerFaultIsExact(t *testing.T) {
	for _, c := range []struct {
		drop sftptest.Drop
		made bool
	}{{sftptest.DropBefore, false}, {sftptest.DropAfter, true}} {
		programs(t, func(t *testing.T, options sftptest.Options) {
			for i := range 20 {
				server := sftptest.NewServer(t, options)
				client := dialSFTP(t, server.Addr())
				at := func(name string) string { return filepath.Join(server.Dir(), name) }
				require.NoError(t, client.Mkdir(at("first")))

				server.SetFault(sftptest.Once("MKDIR", sftptest.Verdict{Drop: c.drop}))
				require.Error(t, client.Mkdir(at("second")), "run %d", i)
				if c.made {
					assert.DirExists(t, at("second"))
				} else {
					assert.NoDirExists(t, at("second"))
				}
				require.Error(t, client.Mkdir(at("third")))
				assert.NoDirExists(t, at("third"))

				require.NoError(t, dialSFTP(t, server.Addr()).Mkdir(at("fourth")))
				server.Close()
			}
		})
	}
}

func TestServerFaultIsToldOfRequests(t *testing.T) {
	programs(t, func(t *testing.T, options sftptest.Options) {
		server := sftptest.NewServer(t, options)
		client := dialSFTP(t, server.Addr())
		var seen []sftptest.Request
		server.SetFault(func(r sftptest.Request) sftptest.Verdict {
			seen = append(seen, r)
			return sftptest.Verdict{}
		})
		path := filepath.Join(server.Dir(), "file")
		file, err := client.OpenFile(path, os.O_RDWR|os.O_CREATE)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte("abc"), 7)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.NoError(t, client.PosixRename(path, path+"2"))

		require.Len(t, seen, 4)
		about := func(r sftptest.Request) sftptest.Request {
			r.Path, r.Connection, r.Channel = path, 1, 1
			return r
		}
		assert.Equal(t, about(sftptest.Request{Type: "OPEN"}), seen[0])
		assert.Equal(t, about(sftptest.Request{Type: "WRITE", Offset: 7, Length: 3}), seen[1])
		assert.Equal(t, about(sftptest.Request{Type: "CLOSE"}), seen[2])
		assert.Equal(t, about(sftptest.Request{Type: "posix-rename@openssh.com"}), seen[3])
	})
}

func TestServerFaultStatusAndDelay(t *testing.T) {
	programs(t, func(t *testing.T, options sftptest.Options) {
		server := sftptest.NewServer(t, options)
		client := dialSFTP(t, server.Addr())
		path := filepath.Join(server.Dir(), "dir")
		server.SetFault(sftptest.Once("MKDIR", sftptest.Verdict{
			Status: sftpconn.StatusPermissionDenied,
			Delay:  50 * time.Millisecond,
		}))
		start := time.Now()
		require.ErrorIs(t, client.Mkdir(path), fs.ErrPermission)
		assert.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
		assert.NoDirExists(t, path)
		require.NoError(t, client.Mkdir(path))
	})
}

func TestServerRestart(t *testing.T) {
	server := sftptest.NewServer(t, sftptest.Options{})
	client := dialSFTP(t, server.Addr())
	server.Stop()
	_, err := client.Getwd()
	require.Error(t, err)
	_, err = sftptest.DialTransport(t.Context(), server.Addr())
	require.Error(t, err)
	require.NoError(t, server.Start())
	_, err = dialSFTP(t, server.Addr()).Getwd()
	require.NoError(t, err)
}

func newKey(t *testing.T) ssh.Signer {
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return key
}

func TestServerUsers(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	server := sftptest.NewServer(t, sftptest.Options{Users: []sftptest.User{
		{Name: "word", Password: "secret"},
		{Name: "key", Keys: []ssh.PublicKey{key.PublicKey()}},
	}})
	for _, c := range []struct {
		user string
		auth ssh.AuthMethod
		ok   bool
	}{
		{"word", ssh.Password("secret"), true},
		{"word", ssh.Password("wrong"), false},
		{"word", ssh.Password(""), false},
		{"key", ssh.PublicKeys(key), true},
		{"key", ssh.PublicKeys(stranger), false},
		{"key", ssh.Password(""), false},
		{"nobody", ssh.Password("secret"), false},
	} {
		client, err := ssh.Dial("tcp", server.Addr(), &ssh.ClientConfig{
			User:            c.user,
			Auth:            []ssh.AuthMethod{c.auth},
			HostKeyCallback: ssh.FixedHostKey(server.HostKey()),
		})
		if err == nil {
			_ = client.Close()
		}
		assert.Equal(t, c.ok, err == nil, "%s: %v", c.user, err)
	}
}

// OpenSSH's own client gets along with the server.
func TestServerWithSFTPProgram(t *testing.T) {
	program, err := exec.LookPath("sftp")
	if err != nil {
		t.Skip("OpenSSH's sftp program is not installed")
	}
	programs(t, func(t *testing.T, options sftptest.Options) {
		server := sftptest.NewServer(t, options)
		require.NoError(t, os.WriteFile(filepath.Join(server.Dir(), "there"), []byte("content"), 0o644))
		host, port, _ := strings.Cut(server.Addr(), ":")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		local := filepath.Join(t.TempDir(), "got")
		cmd := exec.CommandContext(ctx, program, "-F", "none", "-b", "-", "-P", port,
			"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "anybody@"+host)
		cmd.Stdin = strings.NewReader(fmt.Sprintf("get there %s\nmkdir made\nrename there made/moved\n", local))
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, string(output))
		got, err := os.ReadFile(local)
		require.NoError(t, err)
		assert.Equal(t, "content", string(got))
		assert.FileExists(t, filepath.Join(server.Dir(), "made", "moved"))
	})
}

func TestSFTPServerTransport(t *testing.T) {
	transport := sftptest.SFTPServerTransport(t)
	require.NoError(t, transport.Ping())
	for range 2 {
		channel, err := transport.OpenChannel(t.Context())
		require.NoError(t, err)
		client, err := sftp.NewClientPipe(channel, channel)
		require.NoError(t, err)
		_, ok := client.HasExtension("limits@openssh.com")
		assert.True(t, ok)
	}
	require.NoError(t, transport.Close())
	require.Error(t, transport.Ping())
	_, err := transport.OpenChannel(t.Context())
	require.Error(t, err)
}

// Close leaves no goroutine behind, even with a request under way.
func TestServerCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		programs(t, func(t *testing.T, options sftptest.Options) {
			server := sftptest.NewServer(t, options)
			link := sftptest.NewLink(t, server.Addr())
			transport, err := sftptest.DialTransport(t.Context(), link.Addr())
			require.NoError(t, err)
			channel, err := transport.OpenChannel(t.Context())
			require.NoError(t, err)
			client, err := sftp.NewClientPipe(channel, channel)
			require.NoError(t, err)
			asked := make(chan struct{})
			server.SetFault(func(sftptest.Request) sftptest.Verdict {
				close(asked)
				return sftptest.Verdict{Delay: time.Hour}
			})
			failed := make(chan error, 1)
			go func() {
				_, err := client.Stat("/")
				failed <- err
			}()
			<-asked
			server.Close()
			require.Error(t, <-failed)
			link.Close()
			_ = transport.Close()
		})
	}
	// The SSH library's goroutines end by themselves, a moment later.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("goroutines left:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}
