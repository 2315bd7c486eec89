package integration

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// helperVariable makes the test program run one of the helpers instead of its
// tests: what a process of its own has to do on the mount.
const helperVariable = "SFTPMOUNT_TEST_HELPER"

var helpers = map[string]func(args []string) error{}

func runHelper(name string) int {
	if err := helpers[name](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// helper prepares a helper as a program.
func helper(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperVariable+"="+name)
	return cmd
}
