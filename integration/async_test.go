package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// With async_close a tree is built in few round trips, until all of it is on the
// server.
func TestRoundTripsOfAsyncClose(t *testing.T) {
	const delay = 200 * time.Millisecond
	const files, folders, limit = 170, 20, 40
	archive := makeArchive(t, files, folders)
	tree := t.TempDir()
	run(t, tree, "tar", "xf", archive)
	m := newLinkedMount(t, "-o", "async_close")
	require.NoError(t, os.Mkdir(m.path("first"), 0o755)) // whose files are ours is known then
	for name, script := range map[string]string{
		"tar":   "tar xf " + archive,
		"rsync": "rsync -a " + tree + "/ .",
	} {
		tries := 0
		sftptest.FewerTrips(t, limit, func() float64 {
			tries++
			dir := fmt.Sprint(name, tries)
			require.NoError(t, os.Mkdir(m.path(dir), 0o755))
			_, err := os.ReadDir(m.path(dir))
			require.NoError(t, err)
			built := m.trips(dir, script, delay, limit)
			synced := m.trips(dir, "sync .", delay, limit)
			t.Logf("%s: %.1f round trips for the program, and %.1f until all is sent", name, built, synced)
			if built+synced < limit {
				m.sameTrees(tree, m.onServer(dir))
			}
			return built + synced
		})
	}
}

// Everyday programs leave on the server what they leave on a local disk.
func TestProgramsWithAsyncClose(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "async_close")
	tree := makeTree(t, 4, 5)
	m.link.SetDelay(2 * time.Millisecond)
	for name, script := range map[string]string{
		"cp":    "cp -a " + tree + " cp",
		"rsync": "rsync -a " + tree + "/ rsync/",
	} {
		shell(t, m.dir, script+" && sync .")
		m.sameTrees(tree, m.onServer(name))
		m.sameTrees(tree, m.path(name))
	}
	shell(t, m.dir, "rm -r cp && mv rsync cp && sync .")
	m.sameTrees(tree, m.onServer("cp"))
	assert.NoDirExists(t, m.onServer("rsync"))

	shell(t, m.dir, gitEnvironment+`git init -q repo && cd repo && cp -r ../cp files && git add . && git commit -qm one &&
		git clone -q . ../clone && cd ../clone && test -z "$(git status --porcelain)" && git fsck --strict && sync .`)
	shell(t, m.onServer("clone"), gitEnvironment+`test -z "$(git -c safe.directory='*' status --porcelain)"`)
}

const gitEnvironment = `export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
	`

// What is built while the link fails again and again is whole in the end.
func TestAsyncCloseSurvives(t *testing.T) {
	t.Parallel()
	for name, job := range map[string]func(*testing.T, *linkedMount, *rand.Rand){
		"trees":  surviveAsync,
		"stress": surviveStressAsync,
		"fsx":    surviveFsx,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := newRandom(t)
			m := newLinkedMount(t, "-o", "async_close")
			storm(t, m, newWeather(faults, 1500*time.Millisecond, random), func() { job(t, m, random) })
		})
	}
}

func surviveAsync(t *testing.T, m *linkedMount, random *rand.Rand) {
	tree := makeTree(t, 8, 5)
	repeat(t, func(int) {
		shell(t, m.dir, "cp -a "+tree+" new && mv new tree")
		if random.IntN(2) == 0 {
			m.sameTrees(tree, m.path("tree"))
		}
		shell(t, m.dir, "sync .")
		m.sameTrees(tree, m.onServer("tree"))
		shell(t, m.dir, "rm -r tree && sync .")
		assert.NoDirExists(t, m.onServer("tree"))
	})
}

func surviveStressAsync(t *testing.T, m *linkedMount, random *rand.Rand) {
	m.expect(staleFile)
	stress(t, m, random)
	m.syncedTreeIsTrue()
	// What was on its way to a file that was removed since is lost in a drop, and
	// named at the end if nobody was told: the file may have another name.
	if m.hasLogged("written data was lost") {
		require.NoError(t, unmount(m.dir))
		m.waitForEnd(0, 7)
	}
}

// Who unmounts while changes are not on the server is told which.
func TestUnmountWithUnsentChanges(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "async_close,reconnect_timeout=3")
	m.expect(`level=ERROR msg="(written data was lost|a change that was answered)`)
	require.NoError(t, os.Mkdir(m.path("first"), 0o755))
	_, err := os.ReadDir(m.dir)
	require.NoError(t, err)
	m.goDown()
	shell(t, m.dir, "mkdir dir && echo content > dir/file && mv dir/file dir/moved")
	require.NoError(t, unmount(m.dir))
	m.waitForEnd(7)
	log, err := os.ReadFile(m.log)
	require.NoError(t, err)
	for _, told := range []string{"did not reach the server: ", "a change of " + m.onServer("dir"), "8 bytes of " + m.onServer("dir/moved")} {
		assert.True(t, strings.Contains(string(log), told), "%s in\n%s", told, log)
	}
}

// What is answered to one process holds for what others do meanwhile: nothing that
// was answered fails.
func TestStressWithAsyncClose(t *testing.T) {
	t.Parallel()
	m := newLinkedMount(t, "-o", "async_close")
	m.link.SetDelay(3 * time.Millisecond)
	stress(t, m, newRandom(t))
	m.syncedTreeIsTrue()
}

// syncedTreeIsTrue compares the mount with the server's disk, but for the times of
// folders, which are a guess for a while.
func (m *linkedMount) syncedTreeIsTrue() {
	m.t.Helper()
	const list = `find . -printf "%M %p %l\n" -type f -exec md5sum {} + | sort`
	run(m.t, m.dir, "sync", ".")
	m.same(shell(m.t, m.remote, list), shell(m.t, m.dir, list), "names, modes and contents")
}
