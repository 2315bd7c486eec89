package integration

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// surviving are the jobs that must end whole while the link fails again and
// again, as long as each outage is shorter than the time to wait for it.
var surviving = map[string]func(t *testing.T, m *linkedMount, random *rand.Rand){
	"write":   surviveWriting,
	"read":    surviveReading,
	"append":  surviveAppending,
	"untar":   surviveUntar,
	"copy":    surviveCopying,
	"rename":  surviveRenaming,
	"fsx":     surviveFsx,
	"stress":  surviveStress,
	"listing": surviveListing,
}

func TestSurvive(t *testing.T) {
	t.Parallel()
	total, begin := new(soakReport), time.Now()
	t.Cleanup(func() { total.print(t, begin) })
	for name, job := range surviving {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := newRandom(t)
			m := newLinkedMount(t)
			// On a busy machine a login takes a while, and must find the time.
			w := newWeather(faults, 1500*time.Millisecond, random)
			total.add(m, storm(t, m, w, func() { job(t, m, random) }))
		})
	}
}

// A file is whole on the server's disk as soon as fsync has returned.
func surviveWriting(t *testing.T, m *linkedMount, random *rand.Rand) {
	repeat(t, func(int) {
		content := randomBytes(64<<20, random)
		f := hold(t, m.path("file"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
		for rest := content; len(rest) > 0; {
			n, err := f.Write(rest[:min(len(rest), 1+random.IntN(300_000))])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, f.Sync())
		m.same(string(content), m.serverFile("file"), "after fsync")
		require.NoError(t, f.Close())
	})
}

func surviveReading(t *testing.T, m *linkedMount, random *rand.Rand) {
	repeat(t, func(round int) {
		name := fmt.Sprintf("file%d", round)
		content := randomBytes(8<<20, random)
		m.writeOnServer(name, string(content))
		got, err := os.ReadFile(m.path(name))
		require.NoError(t, err)
		assert.Equal(t, sha256.Sum256(content), sha256.Sum256(got))
		m.compared.Add(int64(len(got)))
		require.NoError(t, os.Remove(m.onServer(name)))
	})
}

// No line is lost, none is there twice, none is torn.
func surviveAppending(t *testing.T, m *linkedMount, _ *rand.Rand) {
	var want strings.Builder
	f := hold(t, m.path("log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	repeat(t, func(round int) {
		for i := range 50 {
			line := fmt.Sprintf("line %d of round %d\n", i, round)
			want.WriteString(line)
			_, err := io.WriteString(f, line)
			require.NoError(t, err)
		}
		require.NoError(t, f.Sync())
		m.same(want.String(), m.serverFile("log"), "after fsync")
	})
}

func surviveUntar(t *testing.T, m *linkedMount, _ *rand.Rand) {
	tree := makeTree(t, 8, 5)
	archive := t.TempDir() + "/tree.tar"
	run(t, tree, "tar", "cf", archive, ".")
	repeat(t, func(round int) {
		name := fmt.Sprintf("tree%d", round)
		run(t, m.dir, "mkdir", name)
		run(t, m.path(name), "tar", "xf", archive)
		m.sameTrees(tree, m.path(name))
		m.sameTrees(tree, m.onServer(name))
		run(t, m.dir, "rm", "-r", name)
	})
}

func surviveCopying(t *testing.T, m *linkedMount, _ *rand.Rand) {
	tree := makeTree(t, 8, 5)
	repeat(t, func(round int) { m.copyThereAndBack(tree, fmt.Sprintf("tree%d", round)) })
}

// Each version of a file that is replaced again and again is whole, for its
// writer and for whoever reads meanwhile.
func surviveRenaming(t *testing.T, m *linkedMount, random *rand.Rand) {
	// A reader's file that was replaced while the link was down is gone.
	m.expect(`level=ERROR msg="a file that was open.*could not be opened again.*stale file handle`)
	m.write("file", version(0))
	done := make(chan struct{})
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(done)
	for _, path := range []string{m.path("file"), m.onServer("file")} {
		readers.Go(func() { readVersions(m, path, done) })
	}
	current := 0
	repeat(t, func(int) {
		if random.IntN(2) == 0 {
			require.NoError(t, os.WriteFile(m.path("next"), []byte(version(current+1)), 0o644))
			require.NoError(t, os.Rename(m.path("next"), m.path("file")))
			current++
		}
		m.same(version(current), m.mountFile("file"), "on the mount")
		m.same(version(current), m.serverFile("file"), "on the server")
	})
}

func version(n int) string { return strings.Repeat(fmt.Sprintf("version %d\n", n), 1000+n*7919%9000) }

// readVersions reads a file that is being replaced, and wants to see one version
// of it each time, none older than the one before.
func readVersions(m *linkedMount, path string, done <-chan struct{}) {
	latest := 0
	for {
		select {
		case <-done:
			return
		case <-time.After(10 * time.Millisecond):
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, syscall.ESTALE) {
			continue
		}
		if !assert.NoError(m.t, err) {
			return
		}
		number := -1
		_, _ = fmt.Sscanf(string(content), "version %d\n", &number)
		if number < latest || string(content) != version(number) {
			m.t.Errorf("%s: torn or old: %d bytes, starting with version %d, after version %d",
				path, len(content), number, latest)
			return
		}
		latest = number
		m.compared.Add(int64(len(content)))
	}
}

func surviveFsx(t *testing.T, m *linkedMount, random *rand.Rand) {
	m.compared.Add(runFsx(t, m.mount, random, 50, surviveTime(), false))
}

func surviveListing(t *testing.T, m *linkedMount, _ *rand.Rand) {
	repeat(t, func(round int) {
		dir := fmt.Sprintf("dir%d", round)
		shell(t, m.remote, "mkdir "+dir+"; cd "+dir+"; seq 2000 | xargs touch")
		m.same(shell(t, m.onServer(dir), "ls -U | sort"), shell(t, m.path(dir), "ls -U | sort"), "names")
	})
}
