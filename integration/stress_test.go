package integration

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// staleFile is logged if a process removes what another one has open while the link
// is down: that one cannot go on writing to it.
const staleFile = `level=ERROR msg="(a file that was open.*could not be opened again|written data was lost)".*stale file handle`

func init() { helpers["stress"] = stressHelper }

// Four processes at once change one tree at random, as fsstress of the xfstests
// does. What is right is what the server's disk holds in the end.
func surviveStress(t *testing.T, m *linkedMount, random *rand.Rand) {
	m.expect(staleFile)
	stress(t, m, random)
	m.sameTrees(m.remote, m.dir)
}

func stress(t *testing.T, m *linkedMount, random *rand.Rand) {
	var processes sync.WaitGroup
	for range 4 {
		cmd := helper(t, "stress", m.dir, fmt.Sprint(random.Uint64()), surviveTime().String())
		processes.Go(func() {
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", out)
			t.Logf("%s", out)
		})
	}
	processes.Wait()
}

func stressHelper(args []string) error {
	seed, err1 := strconv.ParseUint(args[1], 10, 64)
	period, err2 := time.ParseDuration(args[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 2))
	changes := 0
	for deadline := time.Now().Add(period); time.Now().Before(deadline); changes++ {
		if err := randomChange(args[0], random); !harmless(err) {
			return fmt.Errorf("after %d changes: %w", changes, err)
		}
	}
	fmt.Println(changes, "changes")
	return nil
}

// harmless reports whether an error is one that the other processes' changes
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

// randomChange does one thing to a few names below dir that all processes share.
func randomChange(dir string, random *rand.Rand) error {
	name := func() string {
		parts := []string{dir}
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
