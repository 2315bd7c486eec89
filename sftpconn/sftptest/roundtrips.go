package sftptest

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FewerTrips measures round trips until they are fewer than limit, for a minute
// at most: other programs take this machine's time, too. Fewer are no failure.
func FewerTrips(t *testing.T, limit float64, measure func() float64) {
	t.Helper()
	fewest := math.Inf(1)
	for begin := time.Now(); fewest >= limit && time.Since(begin) < time.Minute; {
		trips := measure()
		t.Logf("%.1f round trips", trips)
		fewest = min(fewest, trips)
	}
	assert.Less(t, fewest, limit, "round trips")
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
