package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// automount starts the daemon of autofs with a master map and maps of its own,
// which are files by name in dir and are about mounts below top. It stops the daemon
// at the end of the test.
func automount(t *testing.T, dir, top string, maps map[string]string) {
	t.Helper()
	for name, content := range maps {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o644))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	daemon := exec.Command("automount", "--foreground", "--verbose", "--pid-file", filepath.Join(dir, "pid"),
		filepath.Join(dir, "master"))
	daemon.Stdout, daemon.Stderr = log, log
	// The kernel takes what its process group accesses for its own work.
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, daemon.Start())
	ended := make(chan struct{})
	go func() {
		_ = daemon.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("automount does not end")
			_ = syscall.Kill(-daemon.Process.Pid, syscall.SIGKILL) // with the mounts that it waits for
			<-ended
		}
		// What is left of a mount that was not made would be waited for for ever.
		left, err := mountinfo.GetMounts(mountinfo.PrefixFilter(top))
		assert.NoError(t, err)
		for _, m := range slices.Backward(left) {
			_ = detach(m.Mountpoint)
		}
		if t.Failed() {
			t.Logf("automount said:\n%s", tail{log.Name()})
		}
	})
}

// autofs mounts on access by each kind of map, unmounts what is idle, and goes on
// after a server was down.
func TestAutofs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("automount"); err != nil {
		t.Skip("no automount here")
	}
	if kinds, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(kinds), "\tautofs\n") {
		t.Skip("the kernel has no autofs")
	}
	if !inInstalledNamespace(t) {
		return
	}
	s := startSSHD(t)
	c := newClient(t, s, "root", s.port)
	remote, dir, options := t.TempDir(), t.TempDir(), c.fstabOptions(s.port)
	shell(t, remote, `for name in one two ann; do mkdir $name; printf $name >$name/file; done`)
	conf, timeouts := t.TempDir(), " --timeout 1 --negative-timeout 1"
	automount(t, conf, dir, map[string]string{
		"master": strings.Join([]string{
			dir + "/indirect file:" + conf + "/indirect",
			"/- file:" + conf + "/direct",
			dir + "/home file:" + conf + "/wildcard",
		}, timeouts+"\n") + timeouts,
		"indirect": fmt.Sprintf(`one -fstype=fuse.sftpmount,%s :root@127.0.0.1\:%s/one`, options, remote),
		"direct":   fmt.Sprintf(`%s/direct -fstype=sftpmount,%s :root@127.0.0.1\:%s/two`, dir, options, remote),
		"wildcard": fmt.Sprintf(`* -fstype=fuse,%s :sftpmount\#root@127.0.0.1\:%s/&`, options, remote),
	})
	content := func(name string) func() bool {
		return func() bool {
			out, err := tryRun(t, "/", "timeout", "20", "cat", filepath.Join(dir, name, "file"))
			return err == nil && out == map[string]string{"indirect/one": "one", "direct": "two", "home/ann": "ann"}[name]
		}
	}
	served := func(name string) bool {
		return strings.Contains(run(t, "/", "findmnt", "-rno", "TARGET,FSTYPE"), filepath.Join(dir, name)+" fuse.sftpmount\n")
	}
	for _, name := range []string{"indirect/one", "direct", "home/ann"} {
		// On a busy machine it may be idle for long enough before it is looked for.
		eventually(t, 30*time.Second, func() bool { return content(name)() && served(name) }, "%s mounted by access", name)
	}
	for _, name := range []string{"indirect/one", "direct", "home/ann"} {
		eventually(t, 30*time.Second, func() bool { return !served(name) }, "%s unmounted when idle", name)
	}

	s.stop()
	start := time.Now()
	out, err := tryRun(t, "/", "timeout", "30", "ls", filepath.Join(dir, "home/ann"))
	require.Error(t, err, out)
	assert.Less(t, time.Since(start), 30*time.Second, "a server that is down fails fast")
	_, err = tryRun(t, "/", "timeout", "30", "ls", filepath.Join(dir, "home/nobody"))
	require.Error(t, err)
	s.start()
	eventually(t, 30*time.Second, content("home/ann"), "the next access tries again")
	require.False(t, served("home/nobody"))
	eventually(t, 30*time.Second, func() bool {
		return !served("home/ann") && !slices.ContainsFunc(children(os.Getpid()), func(pid int) bool {
			return processName(pid) == "sftpmount" && running(pid)
		})
	}, "the end of the last mount")
}
