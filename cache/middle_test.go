package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
)

// piece is what the kernel reads and programs write at a time, in bytes.
const piece = 128 << 10

// Files of a middle size, such as photos, are moved in few round trips: when there is
// one channel for data, and then when there are more. Each step before the data takes
// one, and so does what a channel's window holds. To see what was written takes one
// more at times, since this server answers that out of turn.
func TestFilesOfAMiddleSize(t *testing.T) {
	for _, test := range []struct {
		mib         int
		read, write [2]float64 // at most, the first time and the second
	}{
		{1, [2]float64{2.2, 1.2}, [2]float64{3.2, 3.2}},
		{4, [2]float64{4.2, 3.2}, [2]float64{4.2, 4.2}},
		{8, [2]float64{5.2, 3.2}, [2]float64{6.2, 5.2}},
		{16, [2]float64{5.2, 4.2}, [2]float64{6.2, 5.2}},
		{64, [2]float64{9.2, 7.2}, [2]float64{9.2, 8.2}},
	} {
		content := make([]byte, test.mib<<20)
		_, _ = rand.NewChaCha8([32]byte{}).Read(content)
		measure := func(name string, most [2]float64, move func(t *testing.T, fsys *cache.FS, path string)) {
			t.Run(fmt.Sprintf("%s/%d", name, test.mib), func(t *testing.T) {
				// Which goroutine comes first is the machine's choice.
				best := [2]float64{math.Inf(1), math.Inf(1)}
				for try := 0; try < 4 && (best[0] > most[0] || best[1] > most[1]); try++ {
					dir := t.TempDir()
					if name == "read" {
						makeOldPair(t, dir, content)
					}
					for i, trips := range tripsOfPair(t, dir, move) {
						best[i] = min(best[i], trips)
					}
					for _, file := range pair {
						got, err := os.ReadFile(filepath.Join(dir, file))
						require.NoError(t, err)
						assert.True(t, bytes.Equal(content, got))
					}
				}
				assert.LessOrEqual(t, best[0], most[0], "the first file")
				assert.LessOrEqual(t, best[1], most[1], "the second file")
			})
		}
		measure("read", test.read, func(t *testing.T, fsys *cache.FS, path string) {
			file, _, err := fsys.Open(t.Context(), path, sftpconn.Read, 0)
			require.NoError(t, err)
			sameBytes(t, content, file)
			require.NoError(t, file.Close(t.Context()))
		})
		measure("write", test.write, func(t *testing.T, fsys *cache.FS, path string) {
			file, _, err := fsys.Open(t.Context(), path, sftpconn.Write|sftpconn.Create|sftpconn.Excl, 0o644)
			require.NoError(t, err)
			for at := 0; at < len(content); at += piece {
				require.NoError(t, file.Write(content[at:at+piece], int64(at)).Wait(t.Context()))
			}
			require.NoError(t, file.Flush(t.Context()))
			require.NoError(t, file.Close(t.Context()))
		})
	}
}

// pair names two files of a folder.
var pair = [2]string{"first", "second"}

// makeOldPair makes the pair, see writeOld.
func makeOldPair(t *testing.T, dir string, content []byte) {
	t.Helper()
	for _, name := range pair {
		writeOld(t, filepath.Join(dir, name), content)
	}
}

// tripsOfPair returns how many round trips it takes to move the pair, one after the
// other.
func tripsOfPair(t *testing.T, dir string, move func(*testing.T, *cache.FS, string)) (trips [2]float64) {
	t.Helper()
	const roundTrip = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		fsys := newFarthest(t, roundTrip)
		_, err := fsys.ReadDir(t.Context(), dir)
		require.NoError(t, err)
		for i, name := range pair {
			start := time.Now()
			move(t, fsys, filepath.Join(dir, name))
			trips[i] = float64(time.Since(start)) / float64(roundTrip)
		}
	})
	t.Logf("%.2f round trips", trips)
	return trips
}

// sameBytes reads a file piece by piece, and compares.
func sameBytes(t *testing.T, want []byte, f sftpconn.File) {
	t.Helper()
	p := make([]byte, piece)
	for at := 0; at < len(want); at += piece {
		n, err := f.ReadAt(t.Context(), p, int64(at))
		require.True(t, err == nil || errors.Is(err, io.EOF), err)
		require.True(t, bytes.Equal(want[at:min(at+piece, len(want))], p[:n]))
	}
}
