package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// failing is a call that must fail, and how.
type failing struct {
	what string
	call func() error
	want error
}

func check(t *testing.T, rows []failing) {
	t.Helper()
	for _, row := range rows {
		assert.Equal(t, row.want, row.call(), row.what)
	}
}

func open(path string, flags int) func() error {
	return func() error {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}
}

// fill writes until it fails, and tells how.
func fill(path string) func() error {
	return func() error {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return err
		}
		for range 64 {
			if _, err = unix.Write(fd, make([]byte, 64<<10)); err != nil {
				break
			}
		}
		if closeErr := unix.Close(fd); err == nil {
			err = closeErr
		}
		return err
	}
}

func mkdir(path string) func() error           { return func() error { return unix.Mkdir(path, 0o755) } }
func rmdir(path string) func() error           { return func() error { return unix.Rmdir(path) } }
func unlink(path string) func() error          { return func() error { return unix.Unlink(path) } }
func symlink(path string) func() error         { return func() error { return unix.Symlink("target", path) } }
func link(from, to string) func() error        { return func() error { return unix.Link(from, to) } }
func rename(from, to string) func() error      { return func() error { return unix.Rename(from, to) } }
func chmod(path string, m uint32) func() error { return func() error { return unix.Chmod(path, m) } }
func chown(path string) func() error           { return func() error { return unix.Chown(path, 1, 1) } }
func truncate(path string, n int64) func() error {
	return func() error { return unix.Truncate(path, n) }
}
func touch(path string, nsec int64) func() error {
	times := []unix.Timespec{{Sec: 1, Nsec: nsec}, {Sec: 1, Nsec: nsec}}
	return func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, 0) }
}
func renameat2(from, to string, flags uint) func() error {
	return func() error { return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags) }
}

// fillHole copies a little into a file that is longer than that.
func fillHole(from, to string) func() error {
	return func() error {
		src, err := os.Open(from)
		if err != nil {
			return err
		}
		defer src.Close()
		dst, err := os.OpenFile(to, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer dst.Close()
		if _, err := unix.CopyFileRange(int(src.Fd()), nil, int(dst.Fd()), nil, 4096, 0); err != nil {
			return err
		}
		return unix.Fsync(int(dst.Fd()))
	}
}

// namingErrnos are about names and types.
func namingErrnos(p func(string) string) []failing {
	return []failing{
		{"mkdir over a file", mkdir(p("data/file")), unix.EEXIST},
		{"mkdir over a link", mkdir(p("loop")), unix.EEXIST},
		{"symlink over a file", symlink(p("data/file")), unix.EEXIST},
		{"link over a folder", link(p("data/file"), p("data/dir")), unix.EEXIST},
		{"exclusive create", open(p("data/file"), unix.O_CREAT|unix.O_EXCL), unix.EEXIST},
		{"rename without replacing", renameat2(p("data/file"), p("data/dir"), unix.RENAME_NOREPLACE), unix.EEXIST},
		{"exchange", renameat2(p("data/file"), p("data/dir"), unix.RENAME_EXCHANGE), unix.EINVAL},
		{"whiteout", renameat2(p("data/file"), p("data/new"), unix.RENAME_WHITEOUT), unix.EINVAL},
		{"rmdir of a full folder", rmdir(p("data")), unix.ENOTEMPTY},
		{"rename over a full folder", rename(p("data/dir/below"), p("data")), unix.ENOTEMPTY},
		{"rename into itself", rename(p("data/dir"), p("data/dir/below/new")), unix.EINVAL},
		{"rmdir of a file", rmdir(p("data/file")), unix.ENOTDIR},
		{"below a file", mkdir(p("data/file/new")), unix.ENOTDIR},
		{"rename of a folder over a file", rename(p("data/dir"), p("data/file")), unix.ENOTDIR},
		{"unlink of a folder", unlink(p("data/dir")), unix.EISDIR},
		{"writing to a folder", open(p("data/dir"), unix.O_WRONLY), unix.EISDIR},
		{"truncate of a folder", truncate(p("data/dir"), 1), unix.EISDIR},
		{"rename of a file over a folder", rename(p("data/file"), p("data/dir")), unix.EISDIR},
		{"hard link of a folder", link(p("data/dir"), p("data/new")), unix.EPERM},
		{"a loop", open(p("loop"), unix.O_RDONLY), unix.ELOOP},
		{"a link that is not followed", open(p("loop"), unix.O_NOFOLLOW), unix.ELOOP},
		{"looking for a long name", open(p(strings.Repeat("n", 256)), unix.O_RDONLY), unix.ENAMETOOLONG},
		{"a long name", mkdir(p(strings.Repeat("n", 256))), unix.ENAMETOOLONG},
		{"a long target", func() error { return unix.Symlink(strings.Repeat("n", 4096), p("new")) }, unix.ENAMETOOLONG},
		{"an absent folder", mkdir(p("absent/new")), unix.ENOENT},
		{"a file of no size", truncate(p("data/file"), 1<<60), unix.EFBIG},
		{"fallocate of no size", func() error { return allocate(p("data/file"), 0, 1<<60) }, unix.EFBIG},
		{"a hole", func() error { return allocate(p("data/file"), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 1) }, unix.EOPNOTSUPP},
		{"fallocate of kept size", func() error { return allocate(p("data/file"), unix.FALLOC_FL_KEEP_SIZE, 9) }, unix.EOPNOTSUPP},
		{"a file without a name", open(p("data"), unix.O_TMPFILE|unix.O_RDWR), unix.EOPNOTSUPP},
	}
}

// diskErrnos are about what a disk has room for, and where it ends.
func diskErrnos(p func(string) string) []failing {
	return []failing{
		{"writing to a full disk", fill(p("full/file")), unix.ENOSPC},
		{"copying into a hole on a full disk", fillHole(p("data/program"), p("full/hole")), unix.ENOSPC},
		{"mkdir without inodes", mkdir(p("inodes/new")), unix.ENOSPC},
		{"create without inodes", open(p("inodes/new"), unix.O_CREAT|unix.O_WRONLY), unix.ENOSPC},
		{"symlink without inodes", symlink(p("inodes/new")), unix.ENOSPC},
		{"rename to another disk", rename(p("data/file"), p("other/file")), unix.EXDEV},
		{"link to another disk", link(p("data/file"), p("other/file")), unix.EXDEV},
		{"rename to another mount of the disk", rename(p("data/file"), p("twin/new")), unix.EXDEV},
		{"rename there without replacing", renameat2(p("data/file"), p("twin/new"), unix.RENAME_NOREPLACE), unix.EXDEV},
		{"rmdir of a mount point", rmdir(p("other")), unix.EBUSY},
		{"rename of a mount point", rename(p("other"), p("new")), unix.EBUSY},
		{"writing to a program that runs", open(p("data/program"), unix.O_WRONLY), unix.ETXTBSY},
		{"truncate of it", truncate(p("data/program"), 0), unix.ETXTBSY},
	}
}

// readOnlyErrnos are of a disk that may only be read.
func readOnlyErrnos(p func(string) string) []failing {
	return []failing{
		{"create on a read-only disk", open(p("fixed/new"), unix.O_CREAT|unix.O_WRONLY), unix.EROFS},
		{"writing to one", open(p("fixed/file"), unix.O_WRONLY), unix.EROFS},
		{"truncate on one", truncate(p("fixed/file"), 0), unix.EROFS},
		{"chmod on one", chmod(p("fixed/file"), 0o600), unix.EROFS},
		{"chown on one", chown(p("fixed/file")), unix.EROFS},
		{"touch on one", touch(p("fixed/file"), unix.UTIME_NOW), unix.EROFS},
		{"mkdir on one", mkdir(p("fixed/new")), unix.EROFS},
		{"symlink on one", symlink(p("fixed/new")), unix.EROFS},
		{"link on one", link(p("fixed/file"), p("fixed/new")), unix.EROFS},
		{"unlink on one", unlink(p("fixed/file")), unix.EROFS},
		{"rmdir on one", rmdir(p("fixed/dir/below")), unix.EROFS},
		{"rename on one", rename(p("fixed/file"), p("fixed/new")), unix.EROFS},
	}
}

// SFTP has one code for most failures. Each row fails on the mount as it does
// on the server's own disk.
func TestErrnos(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make file systems that are full, or read-only")
	}
	if !inOwnNamespace() {
		inNamespace(t, "")
		return
	}
	m := newMount(t)
	m.expect("written data was lost")
	t.Cleanup(func() { shell(t, m.remote, "umount -l full inodes other fixed twin") })
	shell(t, m.remote, `
		mkdir data data/dir data/dir/below full inodes other fixed twin
		echo x > data/file
		ln -s loop loop
		mount -t tmpfs -o size=1m none full
		truncate -s 1m full/hole
		mount -t tmpfs -o nr_inodes=2 none inodes
		touch inodes/file
		mount -t tmpfs none other
		mount --bind data twin
		mount --bind data fixed
		mount -o remount,bind,ro fixed
		cp "$(command -v sleep)" data/program`)
	program := exec.Command(m.onServer("data/program"), "60")
	require.NoError(t, program.Start())
	t.Cleanup(func() { _ = program.Process.Kill(); _ = program.Wait() })

	check(t, namingErrnos(m.path))
	check(t, diskErrnos(m.path))
	check(t, readOnlyErrnos(m.path))
	shell(t, m.dir, "mv data/file other/moved; mv other/moved twin/back; test -e data/back")
	assert.Equal(t, unix.EMLINK, linkTooOften(m, "data/back"))
}

func allocate(path string, mode uint32, size int64) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fallocate(fd, mode, 0, size)
}

// linkTooOften gives a file all names that the server's disk allows, most of
// them there, and returns how the mount fails to give it another one. A disk
// that allows very many is spared.
func linkTooOften(m *mount, name string) error {
	for i := range 66_000 {
		if err := unix.Link(m.onServer(name), m.onServer(name)+string(rune(0x4e00+i%1000))+string(rune(0x4e00+i/1000))); err != nil {
			return link(m.path(name), m.path(name)+"too many")()
		}
	}
	return unix.EMLINK
}

// A server's refusal is EPERM for what only the owner of a file may do, and
// EACCES where the modes are in the way. Here the user who logged in is an
// ordinary one, and the local kernel checks nothing.
func TestDenials(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root has files that others may not touch")
	}
	s := startSSHD(t, "Subsystem sftp internal-sftp") // nobody's shell starts no sftp-server
	require.NoError(t, os.Chmod(filepath.Join(s.dir, "authorized_keys"), 0o644))
	require.NoError(t, os.Chmod(filepath.Dir(s.dir), 0o755)) // the test's own folder for temporary files
	m := mountAs(t, newClient(t, s, userName(t, ordinary), s.port), t.TempDir())
	p := m.path
	shell(t, m.remote, `
		chmod 755 .
		echo x > file; chmod 644 file
		echo x > secret; chmod 600 secret
		mkdir -m 700 closed; mkdir -m 777 own; mkdir -m 1777 tmp
		echo x > closed/file; echo x > tmp/file; mkdir tmp/dir
		echo x > own/file; chmod 666 own/file
		chown 65534:65534 own`)
	rows := []failing{
		{"chmod", chmod(p("file"), 0o600), unix.EPERM},
		{"chown", chown(p("file")), unix.EPERM},
		{"utimens", touch(p("own/file"), 0), unix.EPERM},
		{"touch", touch(p("file"), unix.UTIME_NOW), unix.EACCES},
		{"reading", open(p("secret"), unix.O_RDONLY), unix.EACCES},
		{"writing", open(p("file"), unix.O_WRONLY), unix.EACCES},
		{"truncate", truncate(p("file"), 0), unix.EACCES},
		{"searching", func() error { return unix.Stat(p("closed/file"), new(unix.Stat_t)) }, unix.EACCES},
		{"listing", open(p("closed"), unix.O_DIRECTORY), unix.EACCES},
		{"create", open(p("new"), unix.O_CREAT|unix.O_WRONLY), unix.EACCES},
		{"mkdir", mkdir(p("new")), unix.EACCES},
		{"symlink", symlink(p("new")), unix.EACCES},
		{"unlink", unlink(p("file")), unix.EACCES},
		{"rename", rename(p("file"), p("own/new")), unix.EACCES},
		{"unlink in a sticky folder", unlink(p("tmp/file")), unix.EPERM},
		{"rmdir in one", rmdir(p("tmp/dir")), unix.EPERM},
		{"rename from one", rename(p("tmp/file"), p("own/new")), unix.EPERM},
		{"rename over a file in one", rename(p("own/file"), p("tmp/file")), unix.EPERM},
	}
	if protected, _ := os.ReadFile("/proc/sys/fs/protected_hardlinks"); string(protected) == "1\n" {
		rows = append(rows, failing{"link of another's file", link(p("secret"), p("own/new")), unix.EPERM})
	}
	check(t, rows)
}
