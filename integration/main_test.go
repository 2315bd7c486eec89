package integration

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// program is the path of the program under test. Another one with the same
// command line (an installed one, or sshfs) can be named to compare.
var program = flag.String("program", "", "mount with `path` instead of building the program")

func TestMain(m *testing.M) {
	if helper := os.Getenv(helperVariable); helper != "" {
		os.Exit(runHelper(helper))
	}
	// Tests of this package wait more than they compute. The command line
	// still counts.
	_ = flag.Set("test.parallel", "4")
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) (code int) {
	if err := requirements(); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		if os.Getenv("CI") == "true" {
			return 1
		}
		fmt.Fprintln(os.Stderr, "integration: SKIPPED, nothing was tested")
		return 0
	}
	root, err := os.MkdirTemp("", "sftpmount-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Ordinary users' tests have to reach their files below it.
	err = errors.Join(os.Chmod(root, 0o755), adoptOrphans(), setEnvironment(root), buildProgram(root))
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	code = m.Run()
	if left := errors.Join(leftMounts(root), leftProcesses()); left != nil {
		fmt.Fprintln(os.Stderr, "integration: left over by the tests:", left)
		code = 1
	}
	if err := os.RemoveAll(root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// requirements says what this machine lacks for a mount.
func requirements() error {
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return fmt.Errorf("no FUSE: %w", err)
	}
	if _, err := os.Stat(sshdPath); err != nil {
		return fmt.Errorf("no server: %w", err)
	}
	return nil
}

// adoptOrphans makes this process the parent of what outlives its own parent,
// such as the program in the background and the sessions of a killed sshd. So
// their exit status can be asked for, and none escapes the search at the end.
func adoptOrphans() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// setEnvironment gives all programs a home of their own, so that nobody's
// settings change what the tests see. Go's caches and settings stay where they
// are.
func setEnvironment(root string) error {
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOENV").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	golang := strings.Fields(string(out))
	home, sockets := filepath.Join(root, "home"), filepath.Join(root, "run")
	env := map[string]string{
		"GOCACHE":             golang[0],
		"GOMODCACHE":          golang[1],
		"GOENV":               golang[2],
		"HOME":                home,
		"XDG_RUNTIME_DIR":     sockets,
		"TMPDIR":              root,
		"LC_ALL":              "C",
		"TERM":                "dumb",
		"SSH_AUTH_SOCK":       "",
		"GORACE":              "atexit_sleep_ms=0",
		"GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME":     "A Tester",
		"GIT_AUTHOR_EMAIL":    "tester@localhost",
		"GIT_COMMITTER_NAME":  "A Tester",
		"GIT_COMMITTER_EMAIL": "tester@localhost",
	}
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return errors.Join(os.Mkdir(home, 0o755), os.Mkdir(sockets, 0o700))
}

// buildProgram builds the program, unless one was named.
func buildProgram(root string) error {
	if *program != "" {
		return nil
	}
	*program = filepath.Join(root, "sftpmount")
	args := append([]string{"build", "-o", *program}, buildFlags...)
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-coverpkg", "sftpmount/...")
	}
	out, err := exec.Command("go", append(args, "sftpmount/cmd/sftpmount")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func leftMounts(root string) error {
	var left error
	mounts, err := mountPoints()
	if err != nil {
		return err
	}
	for _, dir := range mounts {
		if strings.HasPrefix(dir, root) {
			left = errors.Join(left, fmt.Errorf("mount on %s", dir), detach(dir))
		}
	}
	return left
}

// leftProcesses gives those that were told to end, or have lost their peer, some
// time for it.
func leftProcesses() error {
	var left []int
	for range 100 {
		left = slices.DeleteFunc(descendants(os.Getpid()), func(pid int) bool { return !running(pid) })
		if len(left) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	var err error
	for _, pid := range left {
		err = errors.Join(err, fmt.Errorf("process %d: %s", pid, commandLine(pid)))
		kill(pid, unix.SIGKILL)
	}
	return err
}
