package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// installHelpers makes mount(8) find the program, without installing it: in a
// mount namespace, over /usr/sbin lies a folder with links to all that is there,
// and those of the program. /etc is a copy, with an empty fstab.
const installHelpers = `
	T=$0
	mkdir -p $T/real $T/sbin
	mknod -m 666 $T/fuse c 10 229
	mount --bind $T/fuse /dev/fuse
	mount --bind /usr/sbin $T/real
	cp -rs $T/real/. $T/sbin
	program=$(printf '%s\n' "$@" | sed -n 's/^-program=//p')
	for name in sftpmount mount.sftpmount mount.fuse.sftpmount; do ln -sf $program $T/sbin/$name; done
	mount --bind $T/sbin /usr/sbin
	chmod 755 $T
	cp -a /etc $T/etc
	: >$T/etc/fstab
	mount --bind $T/etc /etc
`

// inInstalledNamespace reports whether the test runs where mount(8) knows the
// program. If not, it was run there, and has passed.
func inInstalledNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can make a mount namespace")
	}
	if inOwnNamespace() {
		return true
	}
	inNamespace(t, installHelpers)
	return false
}

// fstabOptions are the options that stand for the client's ssh_config, as a line
// of fstab needs them.
func (c *client) fstabOptions(port int) string {
	return fmt.Sprintf("port=%d,IdentityFile=%s,UserKnownHostsFile=%s,GlobalKnownHostsFile=/dev/null,IdentityAgent=none,ConnectTimeout=30",
		port, c.path("key"), c.path("known_hosts"))
}

// mountScripts are run in a folder with the folders 0, 1 and 2. In the end nothing
// must be mounted there.
var mountScripts = []struct {
	name  string
	owner string // of the folders, and of the key
	text  string
}{
	{"types", "root", `
		for type in "sftpmount $source" "fuse.sftpmount $source" "sftpmount sftpmount#$source" "fuse sftpmount#$source"; do
			set -- $type
			mount -t $1 $2 0 -o ro,noexec,$options
			test "$(mounts 0)" = "$PWD/0 $source fuse.sftpmount"
			[[ ,$(findmnt -rno OPTIONS 0), == *,ro,*noexec,* ]]
			cmp 0/file <(printf content)
			umount 0
		done`},
	{"failures", "root", `
		fails 32 "/no/such/directory does not exist on 127.0.0.1" mount -t sftpmount root@127.0.0.1:/no/such/directory 0 -o $options
		fails 32 "refused" mount -t fuse.sftpmount root@127.0.0.1:/ 0 -o $options,port=1
		fails 1 'unknown option "frob"' mount -t sftpmount $source 0 -o frob,$options
		mount -s -t sftpmount $source 0 -o frob,$options
		umount 0
		mount -f -t sftpmount $source 0 -o $options`},
	{"fstab", "root", `
		cat >/etc/fstab <<-END
		$source $PWD/0 fuse.sftpmount _netdev,nofail,x-systemd.automount,ro,$options 0 0
		$source $PWD/1 sftpmount $options 0 0
		sftpmount#$source $PWD/2 fuse fsname=sftpmount#$source,$options 0 0
		END
		mount -a
		mount -a
		test "$(mounts "" | wc -l)" = 3
		umount 0 1 2`},
	{"remount", "root", `
		mount -t sftpmount $source 0 -o noatime,fsname=name,$options
		mount -o remount,ro 0
		[[ ,$(findmnt -rno OPTIONS 0), == *,ro,*nosuid,*noatime,* ]]
		fails 1 "Read-only file system" touch 0/new
		mount -o remount,rw,noexec 0
		touch 0/new
		[[ ,$(findmnt -rno OPTIONS 0), == *,rw,*noexec,*noatime,* ]]
		exec 5>0/new
		fails 32 "open for writing" mount -o remount,ro 0
		exec 5>&-
		umount 0
		fails 32 "" mount -o remount,ro,$options -t sftpmount $source 0`},
	{"user", "nobody", `
		echo "$source $PWD/0 fuse.sftpmount user,noauto,$options 0 0" >/etc/fstab
		as_user() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
		as_user mount $PWD/0
		test "$(mounts 0)" = "$PWD/0 $source fuse.sftpmount"
		[[ $(findmnt -rno OPTIONS 0) == *nosuid,nodev,noexec*user_id=65534* ]]
		cmp <(as_user cat 0/file) <(printf content)
		as_user umount $PWD/0
		mount -t sftpmount $source 0 -o setuid=nobody,$options
		[[ $(findmnt -rno OPTIONS 0) == *user_id=65534* ]]
		cmp <(as_user cat 0/file) <(printf content)
		umount 0
		fails 1 "no such user" mount -t sftpmount $source 0 -o setuid=nosuchuser,$options`},
	{"namespace", "root", `
		unshare -m sleep 60 &
		pid=$!
		trap 'kill $pid; clear' EXIT
		until test $(readlink /proc/$pid/ns/mnt) != $(readlink /proc/self/ns/mnt); do sleep 0.01; done
		mount -N $pid -t sftpmount $source $PWD/0 -o $options
		test -z "$(mounts 0)"
		cmp <(nsenter -t $pid -m cat $PWD/0/file) <(printf content)
		nsenter -t $pid -m umount $PWD/0`},
}

// mountFunctions are what they are written with.
const mountFunctions = `
	clear() { for left in $(findmnt -rno TARGET | grep "^$PWD/"); do umount -l $left; done; }
	trap clear EXIT
	fails() { # with code, saying; the command
		set +e; said=$("${@:3}" 2>&1 </dev/null); code=$?; set -e
		test $code -eq $1 || { echo "$* ended with $code, saying $said"; exit 1; }
		[[ $said == *"$2"* ]] || { echo "$* said $said"; exit 1; }
	}
	mounts() { findmnt -rno TARGET,SOURCE,FSTYPE | grep "^$PWD/$1" || true; }
`

// mount(8), umount(8) and fstab(5) work with the program as with any file system.
func TestMountProgram(t *testing.T) {
	t.Parallel()
	if !inInstalledNamespace(t) {
		return
	}
	s := startSSHD(t)
	c := newClient(t, s, "root", s.port)
	inherited, _ := tryRun(t, "/", "findmnt", "-rno", "TARGET", "-t", "fuse.sftpmount")
	require.Empty(t, inherited, "other tests' mounts live on in this namespace")
	remote, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(remote, "file"), []byte("content"), 0o644))
	for i := range 3 {
		require.NoError(t, os.Mkdir(filepath.Join(dir, strconv.Itoa(i)), 0o755))
	}
	for _, path := range []string{c.dir, dir} {
		require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
	}
	given := fmt.Sprintf("source=root@127.0.0.1:%s options=%s\n", remote, c.fstabOptions(s.port))
	for _, script := range mountScripts {
		t.Run(script.name, func(t *testing.T) {
			run(t, "/", "chown", "-R", script.owner, c.dir, dir)
			shell(t, dir, given+mountFunctions+script.text+`
				test -z "$(mounts "")"`)
		})
	}
	eventually(t, endPatience, noProgramRuns, "the end of all programs")
	assert.Zero(t, s.timesSaid("error"))
}

// noProgramRuns reports whether all that tests of this process mounted has ended.
func noProgramRuns() bool {
	for _, pid := range descendants(os.Getpid()) {
		name := processName(pid)
		if running(pid) && (strings.HasPrefix(name, "mount.") || name == "sftpmount") {
			return false
		}
	}
	return true
}
