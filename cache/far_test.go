package cache_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// newFarthest is newFar in a bubble, whose clock stands while anything is
// computed.
func newFarthest(t *testing.T, roundTrip time.Duration) *cache.FS {
	conn, err := sftpconn.New(t.Context(), sftptest.FarTransport(t, roundTrip), sftpconn.Options{})
	require.NoError(t, err)
	fsys := cache.New(conn, cache.Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = fsys.Close() })
	time.Sleep(10 * roundTrip) // for the first channel for data
	return fsys
}

// What a program reads of a folder in order comes over as many channels as it
// takes: a channel moves no more than a window in a round trip.
func TestFilesOfAFolderOverSeveralChannels(t *testing.T) {
	const roundTrip = 100 * time.Millisecond
	for _, test := range []struct {
		files, size int
		most        float64 // round trips
	}{
		{100, 256 << 10, 12},
		{40, 500_000, 14},
		{20, 3_000_000, 24},
	} {
		t.Run(fmt.Sprint(test.size), func(t *testing.T) {
			dir := t.TempDir()
			content := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, test.size) }
			for i := range test.files {
				writeOld(t, fmt.Sprintf("%s/%03d", dir, i), content(i))
			}
			synctest.Test(t, func(t *testing.T) {
				fsys := newFarthest(t, roundTrip)
				start := time.Now()
				entries, err := fsys.ReadDir(t.Context(), dir)
				require.NoError(t, err)
				require.Len(t, entries, test.files)
				listed := time.Since(start)
				for i := range test.files {
					f, _, err := fsys.Open(t.Context(), fmt.Sprintf("%s/%03d", dir, i), sftpconn.Read, 0)
					require.NoError(t, err)
					sameBytes(t, content(i), f)
					require.NoError(t, f.Close(t.Context()))
				}
				trips := float64(time.Since(start)) / float64(roundTrip)
				t.Logf("%.1f round trips, %.1f of them to list", trips, float64(listed)/float64(roundTrip))
				assert.LessOrEqual(t, trips, test.most)
			})
		})
	}
}
