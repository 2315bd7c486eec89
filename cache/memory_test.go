package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

func TestMemoryOfNamesIsBounded(t *testing.T) {
	n := newNames(namesOptions{
		AttrTimeout: time.Minute, DirTimeout: time.Minute, NegativeTimeout: time.Minute, MaxEntries: 1000, MaxBytes: 200_000,
	})
	for i := range 5000 {
		dir := "/dir" + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
		n.setAttr(dir+"/name", n.asking(), sftpconn.Attr{})
		n.learnListing(dir, n.asking(), make([]sftpconn.DirEntry, i%50), false)
		n.gens.touch(dir)
		require.LessOrEqual(t, n.count, 1000)
		require.LessOrEqual(t, n.bytes, int64(200_000))
	}
	require.Greater(t, n.count, 500)
	n.lru.Purge()
	assert.Zero(t, n.count)
	assert.Zero(t, n.bytes)
}
