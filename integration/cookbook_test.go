package integration

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asMachine makes a machine of its own for the cookbook: what its commands change
// in /etc, /home, /root, /run and /srv is gone with the mount namespace.
const asMachine = installHelpers + `
	for dir in home root srv; do mount -t tmpfs -o mode=755 none /$dir; done
	# Who runs this is root, and what is copied keeps its owner.
	useradd -m -o -u 0 -p '*' ann
	mkdir -p /etc/ssh/sshd_config.d /root/.ssh /home/ann/gbk /home/ann/.ssh
	ssh-keygen -q -A
	printf '' >/home/ann/gbk/$(printf '\326\320')
	chown -R ann /home/ann
`

// standIns are for what need not be there: sudo, as the test is root's, and
// systemd.
const standIns = `
	export HOME=/root
	systemctl() {
		case $* in
		"reload ssh") kill -HUP $(cat /root/.sshd) && sleep 0.2 ;;
		"reload autofs")
			setsid automount --foreground --pid-file /root/.automount /etc/auto.master >/root/.automount-log 2>&1 &
			until findmnt -t autofs /srv/homes >/root/.found; do sleep 0.05; done ;;
		"enable --now sftpmount@server")
			while IFS== read -r name value; do declare "$name=$value"; done </etc/sftpmount/server.conf
			sftpmount -f $OPTIONS $SOURCE $MOUNTPOINT >/root/.service-log 2>&1 &
			echo $! >/root/.service
			until mountpoint -q $MOUNTPOINT; do
				kill -0 $(cat /root/.service) || return 1
				sleep 0.05
			done ;;
		"status sftpmount@server") mountpoint -q /srv/server ;;
		"stop sftpmount@server")
			kill $(cat /root/.service)
			while mountpoint -q /srv/server; do sleep 0.05; done ;;
		*) echo "no stand-in for systemctl $*"; exit 1 ;;
		esac
	}
	sudo() {
		if [ $1 = -u ]; then setpriv --reuid $2 --clear-groups "${@:3}"; else "$@"; fi
	}
	# Without -f it finds that the test may log in already.
	ssh-copy-id() { command ssh-copy-id -f "$@"; }
`

// Every command of the cookbook does what it is said to do.
func TestCookbook(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make a mount namespace")
	}
	if !inOwnNamespace() {
		inNamespace(t, asMachine)
		return
	}
	s := startSSHD(t, "Include /etc/ssh/sshd_config.d/*.conf", "Subsystem sftp internal-sftp", "SetEnv NOTHING=1", "AuthorizedKeysFile .ssh/authorized_keys")
	pasteCookbookClient(t, s)
	book, err := os.ReadFile("../docs/cookbook.md")
	require.NoError(t, err)
	web := httptest.NewServer(http.FileServer(http.Dir("/root")))
	t.Cleanup(web.Close)
	_, noAutomount := exec.LookPath("automount")
	blocks := regexp.MustCompile("(?ms)^#+ ([^\n]+)$|^```sh\n(.*?)^```$").FindAllStringSubmatch(string(book), -1)
	said, heading, count := "", "", 0
	t.Cleanup(func() { endCookbook(t) })
	for _, block := range blocks {
		if block[1] != "" {
			heading = block[1]
			continue
		}
		if heading == "autofs" && noAutomount != nil {
			t.Log("no autofs here")
			continue
		}
		count++
		require.True(t, t.Run(heading, func(t *testing.T) {
			out, err := tryRun(t, "/root", "bash", "-euc", "set -o pipefail\n"+standIns+
				strings.ReplaceAll(block[2], "https://example.org", web.URL))
			require.NoError(t, err, "%s\n%s", block[2], out)
			said += out
		}))
	}
	assert.Greater(t, count, 20, "blocks of the cookbook")
	for _, words := range []string{"connection up", "中", "server: fuse.sftpmount"} {
		assert.Contains(t, strings.Join(strings.Fields(said), " "), words)
	}
}

// pasteCookbookClient lets root log in to s as ann, under the name server.
func pasteCookbookClient(t *testing.T, s *sshd) {
	t.Helper()
	require.NoError(t, os.WriteFile("/home/ann/.ssh/authorized_keys", []byte(s.userKey.public+"\n"), 0o600))
	run(t, "/", "chown", "ann", "/home/ann/.ssh/authorized_keys")
	c := newClient(t, s, "ann", s.port)
	c.replaceInConfig(t, "Host "+hostAlias, "Host server")
	config, err := os.ReadFile(c.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("/root/.ssh/config", config, 0o600))
	require.NoError(t, os.WriteFile("/root/.sshd", []byte(strconv.Itoa(s.daemon.Process.Pid)), 0o600))
}

// endCookbook ends what is left if a command failed, and the daemon of autofs.
func endCookbook(t *testing.T) {
	t.Helper()
	out, err := tryRun(t, "/", "bash", "-c", `
		test -e /root/.automount && kill $(cat /root/.automount)
		for i in $(seq 300); do findmnt -t autofs /srv/homes >/root/.found || break; sleep 0.1; done
		for dir in /root/server /srv/server; do mountpoint -q $dir && umount -l $dir; done; true`)
	assert.NoError(t, err, out)
}
