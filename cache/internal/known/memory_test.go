package known

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn"
)

func TestMemoryOfNamesIsBounded(t *testing.T) {
	n := New(Options{
		AttrTimeout: time.Minute, DirTimeout: time.Minute, NegativeTimeout: time.Minute, MaxEntries: 1000, MaxBytes: 200_000,
	})
	for i := range 5000 {
		dir := "/dir" + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
		n.setAttr(dir+"/name", n.Asking(), sftpconn.Attr{})
		n.LearnListing(dir, n.Asking(), make([]sftpconn.DirEntry, i%50), false)
		n.Gens.Touch(dir)
		require.LessOrEqual(t, n.count, 1000)
		require.LessOrEqual(t, n.bytes, int64(200_000))
	}
	require.Greater(t, n.count, 500)
	n.lru.Purge()
	assert.Zero(t, n.count)
	assert.Zero(t, n.bytes)
}
