package fusefs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// nobody is a user without rights.
const nobody = 65534

// entry returns the line of /proc/mounts for a mountpoint.
func entry(t *testing.T, mnt string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); fields[1] == mnt {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

func TestMountOptions(t *testing.T) {
	f := mount(t, nil, func(o *Options) {
		o.FsName = "user@host:/some, dir"
		o.Subtype = "test"
		o.AllowOther = true
		o.DefaultPermissions = true
		o.MaxRead = 65536
		o.MountOptions = []string{"ro", "noatime", "noexec", "dev"}
	})
	fields := strings.Fields(entry(t, f.mnt))
	require.Len(t, fields, 6)
	assert.Equal(t, `user@host:/some,\040dir`, fields[0])
	assert.Equal(t, "fuse.test", fields[2])
	options := strings.Split(fields[3], ",")
	for _, want := range []string{"ro", "nosuid", "noatime", "noexec", "allow_other", "default_permissions", "max_read=65536"} {
		assert.Contains(t, options, want)
	}
	assert.NotContains(t, options, "nodev")
	require.ErrorIs(t, os.Mkdir(f.onMount("dir"), 0o755), unix.EROFS)
}

func TestMountDefaults(t *testing.T) {
	f := mount(t, nil)
	fields := strings.Fields(entry(t, f.mnt))
	require.Len(t, fields, 6)
	assert.Equal(t, "sftpmount", fields[0])
	assert.Equal(t, "fuse.sftpmount", fields[2])
	options := strings.Split(fields[3], ",")
	for _, want := range []string{"rw", "nosuid", "nodev"} {
		assert.Contains(t, options, want)
	}
	assert.NotContains(t, fields[3], "allow_other")
}

func TestMountErrors(t *testing.T) {
	_, err := Mount(t.TempDir()+"/none", look(), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	dir := t.TempDir()
	_, err = Mount(dir, look(), Options{MountOptions: []string{"nonsense"}})
	require.ErrorIs(t, err, unix.EINVAL)
	assert.Empty(t, entry(t, dir))
}

func TestUnmount(t *testing.T) {
	f := mount(t, nil)
	file, err := os.Create(f.onMount("file"))
	require.NoError(t, err)
	require.ErrorIs(t, f.server.Unmount(), syscall.EBUSY)
	_, err = file.WriteString("still working")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, f.server.Unmount())
	assert.Empty(t, entry(t, f.mnt))
	f.server.Wait()
	require.NoError(t, f.server.Unmount(), "again")
	require.NoError(t, f.server.Detach(), "again")
}

func TestDetach(t *testing.T) {
	f := mount(t, nil)
	file, err := os.Create(f.onMount("file"))
	require.NoError(t, err)
	require.NoError(t, f.server.Detach())
	assert.Empty(t, entry(t, f.mnt))
	_, err = file.WriteString("still working")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		f.server.Wait()
		close(served)
	}()
	select {
	case <-served:
		t.Error("the file is still open")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, file.Close())
	<-served
	assert.Equal(t, "still working", f.get("file"))
}

func TestUnmountFromOutside(t *testing.T) {
	f := mount(t, nil)
	f.write("file", "x")
	require.NoError(t, exec.CommandContext(f.ctx, "umount", f.mnt).Run())
	f.server.Wait()
	// What is mounted there next is not ours to unmount.
	require.NoError(t, unix.Mount("none", f.mnt, "tmpfs", 0, ""))
	defer func() { _ = unix.Unmount(f.mnt, unix.MNT_DETACH) }()
	require.NoError(t, f.server.Unmount())
	assert.NotEmpty(t, entry(t, f.mnt))
}

// programMounter mounts the FS of look as the user that it is run as, and works
// on it until its input ends. It prints what went wrong.
func programMounter(args []string) int {
	fmt.Println("ready", unix.Gettid())
	err := func() error {
		server, err := Mount(args[0], look(), Options{})
		if err != nil {
			return err
		}
		names, err := os.ReadDir(args[0] + "/dir")
		if err != nil || len(names) != 1 || names[0].Name() != "file" {
			return fmt.Errorf("listing: %v, %w", names, err)
		}
		dir, err := unix.Open(args[0]+"/dir", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := server.Unmount(); !errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("unmounting while busy: %w", err)
		}
		fmt.Println("mounted")
		if _, err := io.ReadAll(os.Stdin); err != nil {
			return err
		}
		if err := server.Detach(); err != nil {
			return err
		}
		if err := unix.Close(dir); err != nil {
			return err
		}
		server.Wait()
		return nil
	}()
	fmt.Println(err)
	return 0
}

// TestMountAsOrdinaryUser mounts through fusermount3.
func TestMountAsOrdinaryUser(t *testing.T) {
	if _, err := exec.LookPath("fusermount3"); err != nil {
		t.Skip("fusermount3 is not installed")
	}
	if os.Geteuid() != 0 {
		t.Skip("all other tests do so")
	}
	if device, err := os.Stat("/dev/fuse"); err != nil || device.Mode()&0o006 != 0o006 {
		t.Skip("/dev/fuse is not for everybody here")
	}
	binary, mnt := binaryForNobody(t)
	cmd := exec.Command(binary, mnt)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	t.Cleanup(func() { _ = unix.Unmount(mnt, unix.MNT_DETACH) })
	p := start(t, cmd, "mounter")
	require.Equal(t, "mounted", p.line())
	line := entry(t, mnt)
	for _, want := range []string{"sftpmount ", " fuse.sftpmount ", "nosuid", "nodev", "user_id=65534"} {
		assert.Contains(t, line, want)
	}
	require.NoError(t, p.stdin.Close())
	assert.Equal(t, "<nil>", p.line())
	p.endsWithin(soon)
	assert.Empty(t, entry(t, mnt))
}

// binaryForNobody returns a copy of this binary and an empty directory, both of
// which an ordinary user may use.
func binaryForNobody(t *testing.T) (binary, dir string) {
	t.Helper()
	top, err := os.MkdirTemp("", "fusefs")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	require.NoError(t, os.Chmod(top, 0o755))
	content, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	binary, dir = filepath.Join(top, "test"), filepath.Join(top, "mnt")
	require.NoError(t, os.WriteFile(binary, content, 0o755))
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Chown(dir, nobody, nobody))
	return binary, dir
}

// TestAllowRoot lets an ordinary user try what is for the owner and root.
func TestAllowRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	binary, _ := binaryForNobody(t)
	ask := func(f *fixture, action string) string {
		require.NoError(t, os.Chmod(f.mnt, 0o755))
		cmd := exec.Command(binary, action, f.onMount("file"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		p := start(t, cmd, "do")
		defer p.endsWithin(soon) // and closes what it has open
		return p.line()
	}
	for name, test := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"allow_other": {func(o *Options) { o.AllowOther = true }, ""},
		"allow_root":  {func(o *Options) { o.AllowRoot = true }, "EACCES"},
		"neither":     {func(*Options) {}, "EACCES"},
	} {
		t.Run(name, func(t *testing.T) {
			f := mount(t, nil, test.change)
			require.NoError(t, os.Chmod(f.dir, 0o755))
			f.put("file", "x")
			require.NoError(t, os.Chmod(f.onServer("file"), 0o666))
			assert.Equal(t, "x", f.read("file"))
			for _, action := range []string{"stat", "read", "write"} {
				assert.Equal(t, test.want, ask(f, action), action)
			}
		})
	}
}

// TestServesManyAtOnce lets many programs wait for a server that does not say a
// word, while another works. It works in another folder: looking a name up locks
// the folder for those who make one.
func TestServesManyAtOnce(t *testing.T) {
	waiting, release := make(chan struct{}, 50), make(chan struct{})
	f := mount(t, func(fsys sftpconn.FS) sftpconn.FS {
		return &sftptest.Mock{FS: fsys, LstatFn: func(ctx context.Context, path string) (sftpconn.Attr, error) {
			if strings.HasPrefix(filepath.Base(path), "wait") {
				waiting <- struct{}{}
				select {
				case <-release:
				case <-ctx.Done():
				}
			}
			return fsys.Lstat(ctx, path)
		}}
	})
	require.NoError(t, os.Mkdir(f.onMount("dir"), 0o755))
	done := make(chan error, cap(waiting))
	for i := range cap(done) {
		go func() { done <- unix.Lstat(f.onMount(fmt.Sprint("wait", i)), new(unix.Stat_t)) }()
	}
	for range cap(waiting) {
		<-waiting
	}
	f.write("dir/file", "works")
	assert.Equal(t, "works", f.read("dir/file"))
	close(release)
	for range cap(done) {
		require.ErrorIs(t, <-done, unix.ENOENT)
	}
}
