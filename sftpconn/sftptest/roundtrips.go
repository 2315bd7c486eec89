package sftptest

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// enoughCPU is the share of a core that a busy thread must get for a measurement
// to tell something. It is half of one where a program runs on each core besides.
const enoughCPU = 0.4

// FewerTrips measures round trips until they are fewer than limit, for a minute
// at most: other programs take this machine's time, too. On one that is so busy
// that what is read ahead comes too late, it skips the test.
func FewerTrips(t *testing.T, limit float64, measure func() float64) {
	t.Helper()
	fewest, share, tries := math.Inf(1), 0.0, 0
	for begin := time.Now(); fewest >= limit && time.Since(begin) < time.Minute; tries++ {
		trips := measure()
		fewest = min(fewest, trips)
		share += cpuShare()
		t.Logf("%.1f round trips", trips)
	}
	if share /= float64(tries); fewest >= limit && share < enoughCPU {
		t.Skipf("%.1f round trips and not %.1f, but this machine is too busy to tell: a thread gets %.0f%% of a core",
			fewest, limit, 100*share)
	}
	assert.Less(t, fewest, limit, "round trips")
}

// cpuShare returns how much of a core a busy thread gets.
func cpuShare() float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var r syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_THREAD, &r)
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	start, before, took := time.Now(), used(), time.Duration(0)
	for time.Since(start) < 100*time.Millisecond {
		took = used() - before
	}
	return float64(took) / float64(time.Since(start))
}

// MakeOldTree makes folders below dir, with as many in each as branches say for
// its level, and spreads files over them. Nothing in it is new. It returns how
// many folders there are, dir among them.
func MakeOldTree(t *testing.T, dir string, files int, branches ...int) (folders int) {
	t.Helper()
	all := []string{dir}
	level := all
	for _, n := range branches {
		var next []string
		for _, parent := range level {
			for i := range n {
				path := fmt.Sprintf("%s/folder%d", parent, i)
				require.NoError(t, os.Mkdir(path, 0o755))
				next = append(next, path)
			}
		}
		all = append(all, next...)
		level = next
	}
	old := time.Now().Add(-time.Hour)
	for i := range files {
		path := fmt.Sprintf("%s/file%d", all[i%len(all)], i)
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{byte(i)}, i*50), 0o644))
		require.NoError(t, os.Chtimes(path, old, old))
	}
	return len(all)
}
