package integration

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

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
	"many":    surviveTogether,
	"listing": surviveListing,
}

func TestSurvive(t *testing.T) {
	t.Parallel()
	for name, job := range surviving {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := newRandom(t)
			m := newLinkedMount(t)
			weather := rand.New(rand.NewPCG(random.Uint64(), 1))
			storm(t, m, weather, func() { job(t, m, random) })
		})
	}
}

// A file is whole on the server's disk as soon as fsync has returned.
func surviveWriting(t *testing.T, m *linkedMount, random *rand.Rand) {
	repeat(t, func(int) {
		content := randomBytes(16<<20, random)
		f, err := os.Create(m.path("file"))
		require.NoError(t, err)
		defer f.Close()
		for rest := content; len(rest) > 0; {
			n, err := f.Write(rest[:min(len(rest), 1+random.IntN(300_000))])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, f.Sync())
		sameText(t, string(content), m.serverFile("file"), "after fsync")
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
		require.NoError(t, os.Remove(m.onServer(name)))
	})
}

// No line is lost, none is there twice, none is torn.
func surviveAppending(t *testing.T, m *linkedMount, _ *rand.Rand) {
	var want strings.Builder
	f, err := os.OpenFile(m.path("log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	require.NoError(t, err)
	defer f.Close()
	repeat(t, func(round int) {
		for i := range 50 {
			line := fmt.Sprintf("line %d of round %d\n", i, round)
			want.WriteString(line)
			_, err := f.WriteString(line)
			require.NoError(t, err)
		}
		require.NoError(t, f.Sync())
		sameText(t, want.String(), m.serverFile("log"), "after fsync")
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
		sameTree(t, tree, m.path(name))
		sameTree(t, tree, m.onServer(name))
		run(t, m.dir, "rm", "-r", name)
	})
}

func surviveCopying(t *testing.T, m *linkedMount, _ *rand.Rand) {
	tree := makeTree(t, 8, 5)
	repeat(t, func(round int) {
		name := fmt.Sprintf("tree%d", round)
		run(t, "/", "cp", "-a", tree, m.path(name))
		sameTree(t, tree, m.onServer(name))
		back := filepath.Join(t.TempDir(), name)
		run(t, "/", "cp", "-a", m.path(name), back)
		sameTree(t, tree, back)
	})
}

// Each version of a file that is replaced again and again is whole.
func surviveRenaming(t *testing.T, m *linkedMount, random *rand.Rand) {
	version := func(n int) string { return strings.Repeat(fmt.Sprintf("version %d\n", n), 1000+n%1000) }
	m.write("file", version(0))
	current := 0
	repeat(t, func(int) {
		if random.IntN(2) == 0 {
			require.NoError(t, os.WriteFile(m.path("next"), []byte(version(current+1)), 0o644))
			require.NoError(t, os.Rename(m.path("next"), m.path("file")))
			current++
		}
		sameText(t, version(current), m.mountFile("file"), "on the mount")
		sameText(t, version(current), m.serverFile("file"), "on the server")
	})
}

func surviveFsx(t *testing.T, m *linkedMount, random *rand.Rand) {
	runFsx(t, m.mount, random, 50, surviveTime(), false)
}

func surviveListing(t *testing.T, m *linkedMount, _ *rand.Rand) {
	repeat(t, func(round int) {
		dir := fmt.Sprintf("dir%d", round)
		shell(t, m.remote, "mkdir "+dir+"; cd "+dir+"; seq 2000 | xargs touch")
		sameText(t, shell(t, m.onServer(dir), "ls -U | sort"), shell(t, m.path(dir), "ls -U | sort"), "names")
	})
}

// Four workers at once change one tree at random. What is right is what the
// server's disk holds in the end.
func surviveTogether(t *testing.T, m *linkedMount, random *rand.Rand) {
	// What one worker removes while the link is down, another cannot go on
	// writing to.
	m.expect(`level=ERROR msg="(a file that was open.*could not be opened again|written data was lost)".*stale file handle`)
	var workers sync.WaitGroup
	for range 4 {
		own := rand.New(rand.NewPCG(random.Uint64(), 2))
		workers.Go(func() {
			repeat(t, func(int) {
				if err := randomChange(m.mount, own); !harmless(err) {
					t.Errorf("%v", err)
				}
			})
		})
	}
	workers.Wait()
	sameTree(t, m.remote, m.dir)
}

// harmless reports whether an error is one that the other workers' changes
// explain.
func harmless(err error) bool {
	for _, e := range []error{syscall.ENOENT, syscall.EEXIST, syscall.ENOTEMPTY, syscall.ENOTDIR, syscall.EISDIR,
		syscall.EINVAL, syscall.ELOOP, syscall.ESTALE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return err == nil
}

// randomChange does one thing to a few names that all workers share.
func randomChange(m *mount, random *rand.Rand) error {
	name := func() string {
		parts := []string{m.dir}
		for range 1 + random.IntN(2) {
			parts = append(parts, string(rune('a'+random.IntN(6))))
		}
		return filepath.Join(parts...)
	}
	switch random.IntN(8) {
	case 0:
		return os.Mkdir(name(), 0o755)
	case 1:
		return os.Remove(name())
	case 2:
		return os.Rename(name(), name())
	case 3:
		return os.Symlink("a", name())
	case 4:
		return os.Chmod(name(), 0o700|os.FileMode(random.IntN(64)))
	case 5:
		_, err := os.ReadDir(name())
		return err
	case 6:
		_, err := os.ReadFile(name())
		return err
	default:
		content := bytes.Repeat([]byte{byte(random.Uint32())}, random.IntN(100_000))
		return os.WriteFile(name(), content, 0o644)
	}
}
