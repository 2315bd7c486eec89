package integration

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// The round trips of programs that go through a tree: elapsed time by the delay
// of the line.
func TestRoundTripBudgets(t *testing.T) {
	const delay = 200 * time.Millisecond
	// The budgets are those of a machine at rest. One that runs other tests,
	// and the race detector, needs as much time again for itself.
	const busy = 2
	for _, test := range []struct {
		name     string
		files    int
		branches []int
		script   string
		atMost   float64
	}{
		{"find", 0, []int{7, 7, 7}, "test $(find . -type d | wc -l) = 400", 12},
		{"du", 400, []int{5, 5, 6}, "du -s .", 25},
		{"grep", 400, []int{5, 5, 6}, "grep -r nosuch . || true", 25},
		{"cp", 170, []int{19}, `cp -r . "$TMPDIR/copy"; test $(find "$TMPDIR/copy" -type f | wc -l) = 170`, 25},
		{"files", 100, nil, "test $(cat * | wc -c) = 247500", 3 + 2 + 0.1*99}, // and ls
	} {
		t.Run(test.name, func(t *testing.T) {
			limit := busy * test.atMost
			sftptest.FewerTrips(t, limit, func() float64 {
				t.Setenv("TMPDIR", t.TempDir())
				m := newLinkedMount(t)
				dir := m.onServer("tree")
				require.NoError(t, os.Mkdir(dir, 0o755))
				sftptest.MakeOldTree(t, dir, test.files, test.branches...)
				_, err := os.Stat(m.path("tree"))
				require.NoError(t, err)
				return m.trips("tree", test.script, delay, limit)
			})
		})
	}
}

// The round trips of git status, which asks for one name after the other, many of
// which are not there.
func TestRoundTripsOfGit(t *testing.T) {
	t.Parallel()
	const delay = 200 * time.Millisecond
	const busy = 2 // as above
	const script = `test -z "$(git status --porcelain)"`
	for _, test := range []struct {
		name   string
		before string // on the mount
		atMost float64
	}{
		{"again", script, 30},
		{"later", script + "; sleep 21", 30}, // nothing is remembered so long
		// Git has to read every file. The goal is 30. What is left are opens:
		// each one asks the server.
		{"first", "", 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			limit := busy * test.atMost
			sftptest.FewerTrips(t, limit, func() float64 {
				m := newLinkedMount(t)
				dir := m.onServer("tree")
				require.NoError(t, os.Mkdir(dir, 0o755))
				makeOldRepository(t, dir)
				shell(t, m.path("tree"), test.before)
				return m.trips("tree", script, delay, limit)
			})
		})
	}
}

// makeOldRepository makes a repository of 400 files in 20 folders. Its index was
// made on the server, so that git on the mount has to read every file.
func makeOldRepository(t *testing.T, dir string) {
	t.Helper()
	shell(t, dir, `
		git init -q -b main .
		for d in $(seq 20); do
			mkdir folder$d
			for f in $(seq 20); do echo content $d $f > folder$d/file$f; done
		done
		git add .
		git commit -qm first
		find . -exec touch -d '1 hour ago' {} +
		git status > /dev/null
		touch -d '1 minute ago' .git/index`)
}

// trips returns how many round trips a script takes in a folder of the mount: the
// time by the delay of the line. One that takes as many as limit is ended.
func (m *linkedMount) trips(dir, script string, delay time.Duration, limit float64) float64 {
	m.t.Helper()
	m.link.SetDelay(delay)
	defer m.link.SetDelay(0)
	deadline := fmt.Sprint((delay * time.Duration(limit)).Seconds())
	start := time.Now()
	out, err := tryRun(m.t, m.path(dir), "timeout", deadline, "bash", "-euc", script)
	took := time.Since(start)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 124 { // timeout(1)
		return math.Inf(1)
	}
	require.NoError(m.t, err, "%s\n%s", script, out)
	return float64(took) / float64(delay)
}
