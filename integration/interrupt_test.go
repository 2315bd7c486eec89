package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() { helpers["signals"] = underSignals }

// A program that waits for a silent server ends at once when it is killed. None
// of these has a handler for the signals.
func TestKillWhileStalled(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			m := newLinkedMount(t, "-o", "ServerAliveInterval=30")
			m.writeOnServer("file", strings.Repeat("x", 3<<20))
			require.NoError(t, os.Mkdir(m.onServer("dir"), 0o755))
			m.link.Stall()
			defer m.link.Resume()
			for _, argv := range [][]string{
				{"cat", "file"}, {"stat", "absent"}, {"ls", "dir"}, {"mkdir", "new"}, {"df", "."}, {"rm", "file"},
				{"touch", "created"}, {"sync", "."},
			} {
				cmd, _ := tool(t, m.dir, argv...)
				killWaiting(t, m.mount, signal, cmd, start(t, cmd))
			}
		})
	}
}

// One that was in the middle of a file does, too.
func TestKillWhileTransferring(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"exec cat file > /dev/null", "exec cat < /dev/zero > written", "exec dd if=/dev/zero of=synced bs=9k oflag=sync",
		"exec dd if=file of=copy bs=1M", "exec cat < /dev/zero >> appended",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			m := newLinkedMount(t, "-o", "ServerAliveInterval=30")
			run(t, m.remote, "truncate", "-s", "64M", "file")
			m.link.SetRate(20 << 20)
			cmd, _ := tool(t, m.dir, "sh", "-c", command)
			ended := start(t, cmd)
			time.Sleep(300 * time.Millisecond)
			m.link.Stall()
			defer m.link.Resume()
			time.Sleep(300 * time.Millisecond)
			killWaiting(t, m.mount, syscall.SIGKILL, cmd, ended)
		})
	}
}

// start starts a program. The channel gets how it ended.
func start(t *testing.T, cmd *exec.Cmd) <-chan error {
	t.Helper()
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended
}

// killWaiting kills a program, which must hang, and then must end at once.
func killWaiting(t *testing.T, m *mount, signal syscall.Signal, cmd *exec.Cmd, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		require.Fail(t, "it did not wait for the server", "%v: %v", cmd.Args, err)
	case <-time.After(300 * time.Millisecond):
	}
	require.NoError(t, cmd.Process.Signal(signal))
	select {
	case <-ended:
	case <-time.After(10 * time.Second): // it would wait for longer than that
		t.Errorf("%v still waits 10 s after %v", cmd.Args, signal)
		m.watchdog.bark("a killed program did not end")
		<-ended
	}
}

// A program that handles its signals never sees one interrupt its system
// calls. Go and git get many: both fail on a spurious EINTR.
func TestSignalsInterruptNothing(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	m.link.SetDelay(10 * time.Millisecond)
	cmd := helper(t, "signals", m.dir, (4*time.Second + soak()).String())
	cmd.Env = append(cmd.Env, "GOGC=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

// underSignals is the helper: it works in a directory for some time while each
// of its threads gets signals. Its system calls are made without Go's os
// package, which would hide an EINTR by calling again.
func underSignals(args []string) error {
	period, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	deadline := time.Now().Add(period)
	var sent int
	done := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() { sent = signalAllThreads(done) })
	var workers sync.WaitGroup
	failures := make([]error, 4)
	for i := range failures {
		workers.Go(func() {
			dir := filepath.Join(args[0], strconv.Itoa(i))
			failures[i] = syscall.Mkdir(dir, 0o755)
			for failures[i] == nil && time.Now().Before(deadline) {
				runtime.GC()
				failures[i] = workOnce(dir)
			}
		})
	}
	workers.Wait()
	close(done)
	sender.Wait()
	fmt.Println(sent, "signals were sent")
	return errors.Join(failures...)
}

// signalAllThreads sends the signal that Go's scheduler uses itself.
func signalAllThreads(done <-chan struct{}) (sent int) {
	for {
		select {
		case <-done:
			return sent
		case <-time.After(time.Millisecond):
		}
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if id, err := strconv.Atoi(task.Name()); err == nil && unix.Tgkill(os.Getpid(), id, unix.SIGURG) == nil {
				sent++
			}
		}
	}
}

// workOnce makes each system call that waits for the server.
func workOnce(dir string) error {
	name, renamed := filepath.Join(dir, "file"), filepath.Join(dir, "renamed")
	fd, err := syscall.Open(name, syscall.O_CREAT|syscall.O_RDWR|syscall.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	content := make([]byte, 300_000)
	var st syscall.Stat_t
	var fs syscall.Statfs_t
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"write", func() error { _, err := syscall.Pwrite(fd, content, 0); return err }},
		{"fsync", func() error { return syscall.Fsync(fd) }},
		{"fstat", func() error { return syscall.Fstat(fd, &st) }},
		{"ftruncate", func() error { return syscall.Ftruncate(fd, 250_000) }},
		{"read", func() error { _, err := syscall.Pread(fd, content, 0); return err }},
		{"close", func() error { return syscall.Close(fd) }},
		{"stat", func() error { return syscall.Stat(name, &st) }},
		{"statfs", func() error { return syscall.Statfs(dir, &fs) }},
		{"chmod", func() error { return syscall.Chmod(name, 0o600) }},
		{"rename", func() error { return syscall.Rename(name, renamed) }},
		{"symlink", func() error { return syscall.Symlink("renamed", name) }},
		{"unlink", func() error { return errors.Join(syscall.Unlink(name), syscall.Unlink(renamed)) }},
		{"mkdir", func() error { return syscall.Mkdir(name, 0o700) }},
		{"getdents", func() error { return list(dir) }},
		{"rmdir", func() error { return syscall.Rmdir(name) }},
	} {
		if err := call.do(); err != nil {
			return fmt.Errorf("%s: %w", call.name, err)
		}
	}
	return nil
}

func list(dir string) error {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	_, err = syscall.ReadDirent(fd, make([]byte, 4096))
	return errors.Join(err, syscall.Close(fd))
}

// git shows its progress on a timer's signal. Here the timer is a fast one.
func TestGitUnderSignals(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t)
	repository := makeRepository(t)
	m.link.SetDelay(5 * time.Millisecond)
	cmd, out := tool(t, m.dir, "git", "clone", "--progress", "--no-local", repository, "clone")
	ended := start(t, cmd)
	sent := 0
	for {
		select {
		case err := <-ended:
			require.NoError(t, err, out)
			require.NotZero(t, sent)
			run(t, m.onServer("clone"), "git", "fsck", "--strict")
			assert.Empty(t, run(t, m.onServer("clone"), "git", "status", "--porcelain"))
			t.Logf("%d signals were sent", sent)
			return
		case <-time.After(time.Millisecond):
		}
		for _, pid := range append(descendants(cmd.Process.Pid), cmd.Process.Pid) {
			if handles(pid, syscall.SIGALRM) {
				kill(pid, syscall.SIGALRM)
				sent++
			}
		}
	}
}

// handles reports whether a process has a handler for a signal.
func handles(pid int, signal syscall.Signal) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, mask, found := strings.Cut(string(status), "SigCgt:\t")
	if !found {
		return false
	}
	mask, _, _ = strings.Cut(mask, "\n")
	caught, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && caught>>(signal-1)&1 == 1
}
