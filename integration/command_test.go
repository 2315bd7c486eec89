package integration

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runPatience is how long a tool may run.
const runPatience = 90 * time.Second

// run runs a tool in dir and returns what it printed. The test fails if the
// tool fails, or has not ended in time.
func run(t testing.TB, dir string, argv ...string) string {
	t.Helper()
	out, err := tryRun(t, dir, argv...)
	require.NoError(t, err, "%s\n%s", strings.Join(argv, " "), out)
	return out
}

// shell runs a script, each of whose commands must succeed.
func shell(t testing.TB, dir, script string) string {
	t.Helper()
	return run(t, dir, "bash", "-euc", "set -o pipefail\n"+script)
}

// tryRun runs a tool that may fail.
func tryRun(t testing.TB, dir string, argv ...string) (string, error) {
	t.Helper()
	cmd, out := tool(t, dir, argv...)
	err := cmd.Run()
	return out.String(), err
}

// tool prepares a tool whose output goes to the buffer.
//
// Its directory is entered by a shell, a process of its own: the test itself
// must not wait for a mount that hangs.
func tool(t testing.TB, dir string, argv ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runPatience+soak())
	t.Cleanup(cancel)
	script := []string{"-c", `cd "$0" && exec "$@"`, dir}
	cmd := exec.CommandContext(ctx, "sh", append(script, argv...)...)
	// A child of another test that is about to run its program holds a copy of
	// the pipe, and waits where it has a file of a mount to flush.
	cmd.WaitDelay = time.Minute
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}
