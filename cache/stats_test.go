package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache/internal/blocks"
	"sftpmount/sftpconn"
)

func TestStats(t *testing.T) {
	far(t, Options{WriteBuffer: 1 << 20}, func(t *testing.T, s *farServer, f *FS) {
		const size = 1 << 20
		s.put("/d/a", pattern(size))
		for range 3 {
			_, err := f.Lstat(t.Context(), "/d/a")
			require.NoError(t, err)
			_, err = f.ReadDir(t.Context(), "/d")
			require.NoError(t, err)
		}
		stats := f.Stats()
		assert.Equal(t, Lookups{Hits: 2, Misses: 1}, stats.Attributes)
		assert.Equal(t, Lookups{Hits: 2, Misses: 1}, stats.Listings)
		assert.Zero(t, stats.Links)
		assert.Positive(t, stats.Names)
		assert.Positive(t, stats.NameBytes)

		file := open(t, f, "/d/a", sftpconn.Read)
		assert.Len(t, readAll(t, file, blocks.Size), size)
		require.NoError(t, file.Close(t.Context()))
		assert.Equal(t, Ahead{Used: size}, f.Stats().ReadAhead)

		file = open(t, f, "/d/a", sftpconn.Read)
		for off := int64(0); off < 3*blocks.Size; off += blocks.Size {
			_, err := file.ReadAt(t.Context(), make([]byte, blocks.Size), off)
			require.NoError(t, err)
		}
		time.Sleep(time.Second) // it arrives
		assert.Positive(t, f.Stats().BlockBytes, "more was read ahead")
		require.NoError(t, file.Close(t.Context()))
		stats = f.Stats()
		assert.EqualValues(t, size+3*blocks.Size, stats.ReadAhead.Used)
		assert.Positive(t, stats.ReadAhead.Wasted)
		assert.Zero(t, stats.ReadAhead.Wasted%blocks.Size)
		assert.Zero(t, stats.BlockBytes)

		file = open(t, f, "/d/b", sftpconn.Write|sftpconn.Create)
		file.Write([]byte("content"), 0)
		assert.GreaterOrEqual(t, f.Stats().UnsentBytes, int64(len("content")))
		assert.EqualValues(t, 1<<20, f.Stats().UnsentLimit)
		require.NoError(t, file.Flush(t.Context()))
		assert.Zero(t, f.Stats().UnsentBytes)
		require.NoError(t, file.Close(t.Context()))
	})
}
