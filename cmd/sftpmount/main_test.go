package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asProgram makes the test program run main instead of its tests.
const asProgram = "SFTPMOUNT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// runProgram runs the program without a terminal, and returns what it exits
// with and says.
func runProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "HOME="+t.TempDir(), "SSH_AUTH_SOCK=")
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaint.String()
}

func TestProgramSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "no server given"},
		{[]string{"host:", dir, "-o", "frob"}, exitUsage, `unknown option "frob"`},
		{[]string{"host:", filepath.Join(dir, "no")}, exitMountpoint, "does not exist: create it with: mkdir " + dir + "/no"},
		{[]string{"host:", filepath.Join(dir, "no"), "-f"}, exitMountpoint, "does not exist"},
		{[]string{"host:", file}, exitMountpoint, "is not a directory"},
		{[]string{"-p", closedPort(t), "127.0.0.1:", dir}, exitRefused, "refused"},
		{[]string{"-p", closedPort(t), "127.0.0.1:", dir, "-o", "ProxyJump=127.0.0.1:" + closedPort(t)}, exitRefused, "jump host 127.0.0.1"},
		{[]string{"-p", closedPort(t), "127.0.0.1:", dir, "-o", "ProxyCommand=false"}, exitConnect, "closed the connection"},
	} {
		code, stdout, stderr := runProgram(t, test.args...)
		assert.Equal(t, test.code, code, "%q", test.args)
		assert.Contains(t, stderr, test.says, "%q", test.args)
		assert.True(t, strings.HasPrefix(stderr, "sftpmount: "), "%q", stderr)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "%q is one line", stderr)
		assert.Empty(t, stdout)
	}
}

// closedPort returns a port that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return port
}

func TestHelpAndVersion(t *testing.T) {
	code, stdout, stderr := runProgram(t, "-h")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, stdout, "usage: sftpmount [user@]host:[dir] mountpoint")
	assert.Empty(t, stderr)
	code, stdout, _ = runProgram(t, "-V")
	assert.Equal(t, exitOK, code)
	assert.Regexp(t, `^sftpmount version \S+\n$`, stdout)
}
