package blocks

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"sftpmount/cache/internal/credit"
)

// Blocks that somebody still reads from are not used for anything else.
func TestDroppedBlocksLiveUntilReleased(t *testing.T) {
	all := New[*int](2*Size, time.Second, credit.New(0, 0))
	f := new(int)
	fetch, _ := all.Add(f, 0, Size, 0)
	again, room := all.Add(f, 0, Size, 0)
	assert.Nil(t, again, "one fetch at a time")
	assert.True(t, room)
	reader := all.Get(f, 0)
	assert.Same(t, fetch, reader)
	all.Drop(f, 0, math.MaxInt64)
	assert.Nil(t, all.Get(f, 0))
	fetch.Release(0, false)
	assert.NotNil(t, reader.Data)
	_, room = all.Add(f, 1, Size, 0)
	assert.True(t, room)
	_, room = all.Add(f, 2, Size, 0)
	assert.False(t, room, "the dropped one still counts")
	reader.Release(10, true)
	assert.Nil(t, reader.Data)
	_, room = all.Add(f, 2, Size, 0)
	assert.True(t, room)
}

func BenchmarkBlocks(b *testing.B) {
	all := New[*int](64<<20, time.Second, credit.New(0, 0))
	f := new(int)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		block, _ := all.Add(f, i, Size, 0)
		block.Filled(Size, nil)
		all.Get(f, i).Release(Size, true)
	}
}
