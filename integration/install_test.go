package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// "make install" puts everything below DESTDIR, for any PREFIX.
func TestInstall(t *testing.T) {
	t.Parallel()
	built := t.TempDir()
	require.NoError(t, os.Symlink(*program, filepath.Join(built, "sftpmount")))
	for _, prefix := range []string{"/usr", "/opt/it"} {
		root := t.TempDir()
		run(t, "..", "make", "install", "DESTDIR="+root, "PREFIX="+prefix, "BUILDDIR="+built)
		var files []string
		for line := range strings.Lines(run(t, root, "find", ".", "!", "-type", "d")) {
			files = append(files, strings.Replace(strings.TrimSpace(line), "."+prefix+"/", "PREFIX/", 1))
		}
		helpers := "./usr/sbin/"
		if prefix == "/usr" {
			helpers = "PREFIX/sbin/"
		}
		assert.ElementsMatch(t, []string{
			"PREFIX/bin/sftpmount",
			helpers + "mount.fuse.sftpmount",
			helpers + "mount.sftpmount",
			"PREFIX/lib/systemd/system/sftpmount@.service",
			"PREFIX/lib/systemd/user/sftpmount@.service",
			"PREFIX/share/bash-completion/completions/sftpmount",
			"PREFIX/share/doc/sftpmount/examples/example.automount",
			"PREFIX/share/doc/sftpmount/examples/example.mount",
			"PREFIX/share/fish/vendor_completions.d/sftpmount.fish",
			"PREFIX/share/man/man1/sftpmount.1",
			"PREFIX/share/man/man8/mount.fuse.sftpmount.8",
			"PREFIX/share/man/man8/mount.sftpmount.8",
			"PREFIX/share/zsh/site-functions/_sftpmount",
		}, files)
		shell(t, root, `
			for name in usr/sbin/mount.sftpmount usr/sbin/mount.fuse.sftpmount; do
				test $(realpath $name) = $PWD`+prefix+`/bin/sftpmount
				$name -V
			done
			grep -q '^ExecStart=`+prefix+`/bin/sftpmount ' .`+prefix+`/lib/systemd/*/sftpmount@.service`)
	}
}

// TestPackage installs the .deb that "make packages" built into a fresh Debian,
// mounts there as mount(8) does, and removes it again: nothing is left. lintian
// and rpm find nothing wrong.
func TestPackage(t *testing.T) {
	if os.Getenv("PACKAGES") == "" {
		t.Skip("make check-packages runs this")
	}
	if !inOwnNamespace() {
		inNamespace(t, "")
		return
	}
	packages, err := filepath.Abs("../build/packages")
	require.NoError(t, err)
	shell(t, packages, `
		lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs *.deb
		for package in *.rpm; do
			rpm -qp --requires $package | grep -x fuse3
			rpm -qlp $package | grep -x /usr/sbin/mount.fuse.sftpmount
		done`)
	s := startSSHD(t)
	c := newClient(t, s, "root", s.port)
	remote, root := t.TempDir(), filepath.Join(t.TempDir(), "debian")
	require.NoError(t, os.WriteFile(filepath.Join(remote, "file"), []byte("content"), 0o644))
	out, err := exec.CommandContext(t.Context(), "debootstrap", "--variant=minbase", "--include=fuse3,mount", "bookworm", root).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.CopyFS(filepath.Join(root, "client"), os.DirFS(c.dir)))
	options := strings.ReplaceAll(c.fstabOptions(s.port), c.dir, "/client")
	shell(t, root, `
		files() { find . -xdev ! -path './var/lib/dpkg/*' ! -path './var/log/*' ! -path './var/cache/*' | sort; }
		cp `+packages+`/*_amd64.deb package.deb
		chmod 600 client/key
		mkdir mnt/dir
		mount --bind /proc proc
		mount --bind /dev dev
		before=$(files)
		chroot . dpkg -i package.deb
		chroot . sftpmount version
		chroot . mount -t fuse.sftpmount root@127.0.0.1:`+remote+` /mnt/dir -o `+options+`
		cmp mnt/dir/file <(printf content)
		chroot . umount /mnt/dir
		chroot . dpkg -r sftpmount
		diff <(echo "$before") <(files)
		test -z "$(chroot . dpkg-query -W -f '${Package}\n' | grep sftpmount)"
		umount dev proc`)
}

// The same commit makes the same packages, wherever it lies.
func TestPackagesAreReproducible(t *testing.T) {
	if os.Getenv("PACKAGES") == "" {
		t.Skip("make check-packages runs this")
	}
	if changes := run(t, "..", "git", "status", "--porcelain"); changes != "" {
		t.Skipf("the sources have changes that no clone has:\n%s", changes)
	}
	nfpm, err := filepath.Abs("../build/bin/nfpm")
	require.NoError(t, err)
	clone := filepath.Join(t.TempDir(), "elsewhere")
	run(t, "..", "git", "clone", "-q", ".", clone)
	out, err := exec.CommandContext(t.Context(), "make", "-C", clone, "packages", "NFPM="+nfpm).CombinedOutput()
	require.NoError(t, err, "%s", out)
	shell(t, "../build/packages", `for package in *.deb *.rpm; do cmp $package `+clone+`/build/packages/$package; done`)
}
